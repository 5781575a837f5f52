"""A record's bytes -> the event in them, and its text for `raw`: to the letter, but for the values of mail.headers.

`raw` is the text that came and not what a parser made of it: numbers that no computer type holds, members of the same
name and halves of a character (a lone surrogate) survive in it. Envelopes of other services are taken off.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import orjson

from deliverywatch.email.events.refusals import Reason, RefusedError

Object = dict[str, Any]

# What Firehose takes as one record. SES writes 1 to 2 KB of an event, and cuts its headers at 10 KB.
LARGEST_BYTES = 1000 * 1024

# `mail.headers` holds List-Unsubscribe links that work, one per recipient.
REDACTED = "[redacted]"

_BOM = b"\xef\xbb\xbf"
_PLAIN = {"name", "value"}
_BETWEEN = re.compile(r"[ \t\r\n,:]*+")
_BRACKETS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{]|[\]}]')
_LONGEST_DIGITS = 19
# Half of what the parser of whoever reads `raw` may take.
_DEEPEST = 500


@dataclass(frozen=True, slots=True)
class Original:
    """An event, parsed for the columns, and the text that it was parsed from."""

    event: Object
    text: str


class Unwritable:
    """What JSON can say and no column can hold, in the place of its value."""


_UNWRITABLE = Unwritable()


def decoded(data: bytes) -> tuple[Any, str]:
    """Return what is in a record of JSON, and its text, or raise RefusedError."""
    try:
        return orjson.loads(data), data.decode().strip()
    except orjson.JSONDecodeError as error:
        return _decoded_leniently(data, error)


def documents(text: str) -> list[str]:
    """Return the text of each document in a text, one after the other; ValueError if there is anything else."""
    texts: list[str] = []
    at = _after_space(text, 0)
    while at < len(text):
        _, end = _DECODER.raw_decode(text, at)
        texts.append(text[at:end])
        at = _after_space(text, end)
    return texts


def members(text: str, start: int = 0) -> Iterator[tuple[str, int, int]]:
    """Yield the name and the place of each value in the object or array that begins there; an element has no name."""
    is_object, at = text[start] == "{", _after_space(text, start + 1)
    name = ""
    while text[at] not in "}]":
        if is_object:
            name, at = _DECODER.raw_decode(text, at)
            at = _after_space(text, at)
        _, end = _DECODER.raw_decode(text, at)
        yield name, at, end
        at = _after_space(text, end)


def raw(original: Original) -> str:
    """Return the text of an event without the values of its headers, or raise RefusedError: it is nested too deeply."""
    plain = _redacted_plainly(original)
    if plain is not None:
        return plain
    text = original.text
    _require_shallow(text)
    # A name can be written with escapes.
    return _redacted(text) if '"headers"' in text or "\\u00" in text else text


def _redacted_plainly(original: Original) -> str | None:
    """Return the same of an event as SES writes it; None where writing it again would change more than its headers."""
    mail = original.event.get("mail")
    headers = mail.get("headers") if type(mail) is dict else None
    if not headers or type(headers) is not list or not all(map(_is_plain, headers)):
        return None
    try:
        if orjson.dumps(original.event) != original.text.encode():
            return None
    except TypeError:  # too deep for it, or not what it parsed itself
        return None
    redacted = [{"name": header["name"], "value": REDACTED} for header in headers]
    return orjson.dumps({**original.event, "mail": {**(mail or {}), "headers": redacted}}).decode()


def _is_plain(header: Any) -> bool:
    return type(header) is dict and header.keys() == _PLAIN and type(header["name"]) is str


def _redacted(text: str) -> str:
    """Return a text without the values of headers in whatever shape they come, under each member of their name."""
    mails = [start for name, start, _ in members(text) if name == "mail" and text[start] == "{"]
    places = [(start, end) for mail in mails for name, start, end in members(text, mail) if name == "headers"]
    for start, end in reversed(places):
        text = text[:start] + json.dumps(_without_values(json.loads(text[start:end]))) + text[end:]
    return text


def _without_values(headers: Any) -> Any:
    """Return headers in which of all texts and numbers only the names are left."""
    if type(headers) is dict:
        return {name: _without_values(value) for name, value in headers.items()}
    if type(headers) is not list:
        return REDACTED
    return [
        {
            name: value if name == "name" and type(value) is str else _without_values(value)
            for name, value in item.items()
        }
        if type(item) is dict
        else _without_values(item)
        for item in headers
    ]


def _after_space(text: str, at: int) -> int:
    matched = _BETWEEN.match(text, at)
    return matched.end() if matched else at


def _require_shallow(text: str) -> None:
    if text.count("[") + text.count("{") > _DEEPEST and _depth(text) > _DEEPEST:
        raise RefusedError(Reason.TOO_DEEP, f"The record is nested deeper than {_DEEPEST} levels.")


def _depth(text: str) -> int:
    steps = ((bracket in "[{") - (bracket in "]}") for bracket in _BRACKETS.findall(text) if len(bracket) == 1)
    return max(accumulate(steps), default=0)


def _decoded_leniently(data: bytes, refusal: orjson.JSONDecodeError) -> tuple[Any, str]:
    """Return what a more lenient parser makes of a record: infinities, lone surrogates, a byte order mark."""
    try:
        text = data.removeprefix(_BOM).decode().strip()
        _require_shallow(text)
        return _writable(_LENIENT.decode(text)), text
    except ValueError as error:
        raise RefusedError(Reason.NOT_JSON, f"The record is not JSON: {refusal}.") from error


def _writable(value: Any) -> Any:
    """Return a value in which half a character is no text: UTF-8 cannot write it."""
    if type(value) is dict:
        return {name: _writable(member) for name, member in value.items() if _writable(name) is name}
    if type(value) is list:
        return [_writable(item) for item in value]
    if type(value) is str and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return _UNWRITABLE
    return value


def _whole(digits: str) -> Any:
    # Python turns endless digits into a number only with an error.
    return int(digits) if len(digits) <= _LONGEST_DIGITS else _UNWRITABLE


_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)
_LENIENT = json.JSONDecoder(parse_int=_whole)
