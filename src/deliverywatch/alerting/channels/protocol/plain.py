"""Texts of others -> texts that a chat shows and does not act on: no mention, no link, no markup comes of them.

Alarm names, reasons and facts are written by others. A chat reads `@channel`, `<!here>`, `<https://...>` or
`[text](url)` in them, so what makes one is taken apart by a character without width; a chat's own escapes come on top.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, urlsplit

from deliverywatch.messages.untrusted import text

# U+2060, the word joiner: it has no width, and nothing breaks at it.
JOINER = "\u2060"
# An `@` that begins a word, a `<` that begins an order, the colon of an address, the middle of a Markdown link.
_ACTIVE = re.compile(
    r"(?<![\w.+-])@(?=\w)|<(?=[!@#/a-z])|:(?=//)|\](?=\()|\bwww(?=\.)|\b(?:mailto|tel)(?=:)", re.IGNORECASE
)
_LOOPBACK = "http://127.0.0.1:"
# Of all links of a message together: a payload has a limit, and half a link leads nowhere.
_URLS_LIMIT = 3000


def plain(value: str, limit: int) -> str:
    """Return a text as one line of at most so many characters, in which nothing is active."""
    return _ACTIVE.sub(lambda match: match[0] + JOINER, text(value, limit)).replace("\u00a0", " ")


def links(pairs: Iterable[tuple[str, str]], count: int) -> list[tuple[str, str]]:
    """Return titles and addresses of the links that may be shown: of https, whole, and not too long.

    Those are of the console, of the stack's own pages, and of what a system left for its mails.
    """
    kept: list[tuple[str, str]] = []
    for title, url in pairs:
        safe = _safe(url) if _is_link(url) else ""
        if safe and len(kept) < count and sum(len(other) for _, other in kept) + len(safe) <= _URLS_LIMIT:
            kept.append((plain(title, 60) or safe[:60], safe))
    return kept


def _is_link(url: str) -> bool:
    try:
        is_named = bool(urlsplit(url).hostname)
    except ValueError:
        return False
    return is_named and url.startswith(("https://", _LOOPBACK))


def _safe(url: str) -> str:
    """Return an address in which no character ends a link of a chat."""
    return quote(url, safe="/:?#@!$&'()*+,;=%[]~-._", errors="replace")
