"""A phone number -> what may be stored of it: a keyed hash, by which equal numbers can be found, and a masked form."""

import hashlib
import hmac
import sys

from deliverywatch.sms.clicksend.redaction import redacted

_HIDDEN = "•••••"

# A shorter number is a short code: three digits on both sides would show most of it.
_SHORTEST = 10
_OPEN = 3


def hash_key(secret: str, *, is_api_key: bool = False) -> bytes:
    """Return the key of the recipients' hashes, from their own secret or derived from the API key if there is none."""
    if is_api_key:
        return hmac.digest(secret.encode(), b"deliverywatch recipients", "sha256")
    return hashlib.sha256(secret.encode()).digest()


def masked(stored: str | None) -> str:
    """Return what a mail may show of a stored recipient, which is plain if the stack stores plain numbers."""
    shown = stored or _HIDDEN
    return shown if _HIDDEN in shown else _mask(shown)


def shown_sender(sender: str) -> str:
    """Return what a mail may show of a sender: a name as it is, of a number its ends."""
    is_number = len(sender.removeprefix("+")) >= _SHORTEST - 1 and sender.removeprefix("+").isdigit()
    return _mask(sender.rjust(_SHORTEST, "+")) if is_number else redacted(sender) or ""


class Recipients:
    """What is stored of each recipient."""

    def __init__(self, key: bytes, *, plain: bool = False) -> None:
        # Copied for each number, with the key already worked in: that is half of the work.
        self._keyed = hashlib.blake2s(b"recipient:", key=key, digest_size=16)
        self._plain = plain

    def hashed(self, number: str) -> str:
        """Return the number's keyed hash, 16 bytes in hexadecimal."""
        keyed = self._keyed.copy()
        keyed.update(number.encode())
        return keyed.hexdigest()

    def shown(self, number: str) -> str:
        """Return the number masked, such as `+61•••••111`, or plain."""
        # Many numbers have the same mask: of 100,000 records in memory that are 10 MB.
        return number if self._plain else sys.intern(_mask(number))


def _mask(number: str) -> str:
    is_number = len(number) >= _SHORTEST and number.isascii() and number.replace("+", "").isdigit()
    return f"{number[:_OPEN]}{_HIDDEN}{number[-_OPEN:]}" if is_number else _HIDDEN
