"""A phone number -> what may be stored of it: a keyed hash, by which equal numbers can be found, and a masked form."""

from __future__ import annotations

import hashlib
import hmac
import re

_HIDDEN = "•••••"
_NUMBER = re.compile(r"\+?[0-9]{8,}")

# Hashing costs a fifth of a row's time, and a recipient seldom comes alone: campaigns, one-time codes, retries.
_REMEMBERED = 10_000


def hash_key(secret: str, *, is_api_key: bool = False) -> bytes:
    """Return the key of the recipients' hashes, from their own secret or derived from the API key if there is none."""
    if is_api_key:
        return hmac.digest(secret.encode(), b"deliverywatch recipients", "sha256")
    return hashlib.sha256(secret.encode()).digest()


def mask(number: str) -> str:
    """Return a number of which only the first and last digits can be read, such as `+61•••••111`."""
    return number[:3] + _HIDDEN + number[-3:] if _NUMBER.fullmatch(number) else _HIDDEN


class Recipients:
    """What is stored of each recipient: keyed hash (32 hexadecimal digits) and masked or plain number."""

    def __init__(self, key: bytes, *, plain: bool = False) -> None:
        self._key = key
        self._plain = plain
        self._known: dict[str, tuple[str, str]] = {}

    def __getitem__(self, number: str) -> tuple[str, str]:
        known = self._known.get(number)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            digest = hashlib.blake2b(number.encode("utf-8", "replace"), key=self._key, digest_size=16).hexdigest()
            known = self._known[number] = (digest, number if self._plain else mask(number))
        return known


def masked(stored: str | None) -> str:
    """Return what a mail may show of a stored recipient, which is plain if the stack stores plain numbers."""
    if stored is None or _HIDDEN in stored:
        return stored or _HIDDEN
    return mask(stored)
