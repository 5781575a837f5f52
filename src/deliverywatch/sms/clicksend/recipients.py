"""A phone number -> what may be stored of it: a keyed hash, by which equal numbers can be found, and a masked form."""

import hashlib
import hmac
from collections.abc import Sequence

_HIDDEN = "•••••"
_HIDDEN_BYTES = _HIDDEN.encode()

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
    return shown if _HIDDEN in shown else _mask(shown.encode()).decode()


class Recipients:
    """What is stored of each recipient; numbers come as bytes, because that is what is hashed and stored."""

    def __init__(self, key: bytes, *, plain: bool = False) -> None:
        # Copied for each number, with the key already worked in: that is half of the work.
        self._keyed = hashlib.blake2s(b"recipient:", key=key, digest_size=16)
        self._plain = plain

    def digests(self, numbers: Sequence[bytes | None]) -> bytes:
        """Return the keyed hash of each number, 16 bytes each."""
        copy, digests = self._keyed.copy, []
        for number in numbers:
            keyed = copy()
            keyed.update(number or b"")
            digests.append(keyed.digest())
        return b"".join(digests)

    def shown(self, numbers: Sequence[bytes | None]) -> tuple[bytes, list[int]]:
        """Return the numbers masked, such as `+61•••••111`, or plain: one after the other, and how long each is."""
        if self._plain:
            texts = [number or b"" for number in numbers]
        elif set(map(type, numbers)) == {bytes} and len(set(map(len, numbers))) == 1:  # type: ignore[arg-type]
            return _masked_alike(numbers)  # type: ignore[arg-type]
        else:
            texts = [_mask(number) if number else b"" for number in numbers]
        return b"".join(texts), [*map(len, texts)]


def _mask(number: bytes) -> bytes:
    is_number = len(number) >= _SHORTEST and number.replace(b"+", b"").isdigit()
    return number[:_OPEN] + _HIDDEN_BYTES + number[-_OPEN:] if is_number else _HIDDEN_BYTES


def _masked_alike(numbers: Sequence[bytes]) -> tuple[bytes, list[int]]:
    """Mask numbers of one length, as those of one country are: six copies for all instead of one for each."""
    block, length, count = b"".join(numbers), len(numbers[0]), len(numbers)
    if length < _SHORTEST or not block.replace(b"+", b"").isdigit():
        masks = [*map(_mask, numbers)]
        return b"".join(masks), [*map(len, masks)]
    width = 2 * _OPEN + len(_HIDDEN_BYTES)
    masked = bytearray((bytes(_OPEN) + _HIDDEN_BYTES + bytes(_OPEN)) * count)
    for digit in range(_OPEN):
        masked[digit::width] = block[digit::length]
        masked[width - 1 - digit :: width] = block[length - 1 - digit :: length]
    return bytes(masked), [width] * count
