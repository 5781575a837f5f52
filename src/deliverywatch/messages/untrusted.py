"""Untrusted values -> clean text, numbers and times; nothing here fails, an unreadable value is empty.

Alarm names, descriptions and reasons are written by others and end up in mail headers, HTML and object keys. They are
cleaned once, where they come in, so that no later step has to think of it.
"""

import json
import math
import re
import unicodedata
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

# Enough for every text that CloudWatch writes (a reason has at most 1,023 characters), and a limit for all others.
TEXT_LIMIT = 2000

# Beyond these a count or a time is nobody's, and calculating with it would leave what Python can hold.
_HIGHEST_COUNT = 10**15
_YEARS = range(1971, 9000)

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
# Half of a character, as a text has that was cut in the middle of one; it cannot be written as UTF-8.
_SURROGATE = re.compile(r"[\ud800-\udfff]")
# Letters and symbols of Unicode that nothing is drawn for: Hangul's fillers, Braille's blank and the like.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0\U00013441\U00013442\U0001d159")
_UNSAFE_IN_KEY = re.compile(r"[^A-Za-z0-9._-]+")


def text(value: object, limit: int = TEXT_LIMIT) -> str:
    """Return the value as one line without control characters, cut to `limit` characters."""
    if value is None:
        return ""
    words = value if isinstance(value, str) else _as_json(value)
    # Cut before too: a megabyte is not searched for control characters only to be thrown away.
    line = _SURROGATE.sub("\ufffd", _CONTROL.sub(" ", words[: 2 * limit])).strip()
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def is_visible(words: str) -> bool:
    """Return whether something of a text can be seen: spaces of no width, marks of direction and the like cannot."""
    return any(unicodedata.category(letter)[0] in "LNPS" and letter not in _BLANK for letter in words)


def name(value: object, limit: int) -> str:
    """Return what somebody calls himself, as `text` does; empty if there is nothing to see of it."""
    line = text(value, limit)
    return line if is_visible(line.removesuffix("…")) else ""


def number(value: object) -> float | None:
    """Return a finite number, or None for anything else; booleans are not numbers here."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        read = float(value)
    except (ValueError, OverflowError):
        return None
    return read if math.isfinite(read) else None


def count(value: object, default: int = 0) -> int:
    """Return a whole number from 0 to 10^15, or the default."""
    read = number(value)
    return default if read is None or not 0 <= read <= _HIGHEST_COUNT else int(read)


def moment(value: object) -> datetime | None:
    """Return an aware UTC time from ISO 8601 text (no zone means UTC) or a datetime, or None.

    None also for the edges of the calendar, where adding a day would leave it.
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    try:
        read = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:  # a zone that leads out of the calendar
        return None
    return read if read.year in _YEARS else None


def iso(value: datetime | None) -> str | None:
    """Return a time as all documents write it: UTC, to the second."""
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if value else None


def mapping(value: object) -> Mapping[str, Any]:
    """Return the value if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def other_members(document: Mapping[str, Any], known: Collection[str]) -> dict[str, Any]:
    """Return the members of a record that this version does not know: they are written again as they are."""
    return {name: value for name, value in document.items() if name not in known}


def objects(value: object) -> list[Mapping[str, Any]]:
    """Return the JSON objects of a list; its other items are left out."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def key_part(name: str, limit: int = 120) -> str:
    """Return a name for use in an S3 key; one that had to be changed or cut gets a hash, so that it stays unique."""
    safe = _UNSAFE_IN_KEY.sub("-", name).strip("-.")
    if safe == name and len(safe) <= limit:
        return safe
    import hashlib  # only for names that S3 or a reader would stumble over

    digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{safe[: limit - 9]}-{digest}"


def _as_json(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError, RecursionError):
        return repr(type(value))
