"""Lines of a file -> the documents in it, each with the number of the line on which it begins.

A line is a document in what Firehose and most tools write. Others spread a document over lines, put all into one
array, or one after the other without a line break; then the brackets decide where one ends. JSON has no line break
inside a text, so lines can be taken one by one.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from deliverywatch.email.events.envelopes import documents_in, is_event
from deliverywatch.email.events.originals import decoded, documents
from deliverywatch.email.events.refusals import RefusedError

_BOM = b"\xef\xbb\xbf"
_TOKENS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{]|[\]}]')
# The lines around the documents of an array that is written one element after the other.
_OF_AN_ARRAY = (b"[", b"]", b"],")
# What was not closed within so many bytes is broken, and no document.
_LONGEST_BYTES = 64 * 2**20


class Numbered(NamedTuple):
    """A document, the line that it begins on, and the envelopes that were taken off."""

    line: int
    data: bytes
    envelopes: tuple[str, ...] = ()


def numbered(lines: Iterable[bytes]) -> Iterator[Numbered]:
    """Yield the documents of a file; what is none comes as it is."""
    waiting: list[bytes] = []
    depth = first = size_bytes = 0
    for number, came in enumerate(lines, 1):
        line = came.removeprefix(_BOM)
        if not (waiting and waiting[0].lstrip().startswith(b"[")) and _alone(line):
            # What came before it was cut off.
            yield from _broken(waiting, first) if waiting else ()
            yield Numbered(number, line)
            waiting, depth, size_bytes = [], 0, 0
            continue
        if not waiting and line.strip() in _OF_AN_ARRAY:
            continue
        first = first if waiting else number
        waiting.append(line)
        size_bytes += len(line)
        depth += _opened(line)
        if depth <= 0 or size_bytes > _LONGEST_BYTES:
            yield from _whole(waiting, first)
            waiting, depth, size_bytes = [], 0, 0
    yield from _broken(waiting, first) if waiting else ()


def _opened(line: bytes) -> int:
    """Return how many brackets a line leaves open."""
    return sum((token in b"[{") - (token in b"]}") for token in _TOKENS.findall(line) if len(token) == 1)


def _alone(line: bytes) -> bool:
    """Whether a line is an event by itself, so that what came before it was cut off."""
    try:
        return line.startswith(b"{") and is_event(decoded(line)[0])
    except RefusedError:
        return False


def _whole(lines: list[bytes], first: int) -> Iterator[Numbered]:
    """Yield the documents in lines that close all their brackets; of lines that are cut off, those in each piece."""
    data = b"".join(lines)
    try:
        texts = documents(data.decode())
        inside = [document for text in texts for document in documents_in(text.encode())]
    except (ValueError, RecursionError, RefusedError):
        yield from _broken(lines, first)
    else:
        yield from (Numbered(first, document.text.encode(), document.envelopes) for document in inside)
        if not texts:
            yield Numbered(first, data)


def _broken(lines: list[bytes], first: int) -> Iterator[Numbered]:
    starts = [number for number, line in enumerate(lines) if number == 0 or line.startswith(b"{")]
    if len(starts) == 1:
        yield Numbered(first, b"".join(lines))
        return
    for start, end in pairwise([*starts, len(lines)]):
        yield from _whole(lines[start:end], first + start)
