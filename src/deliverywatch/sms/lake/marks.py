"""What is stored beside an object of the lake: its footer's and S3's metadata, which say what the runs made of it.

`counted-from` is the first slot that any run counted, empty in an object that only a back-fill wrote. `covered-until`
is how far the runs on schedule had got before one of them wrote the object. Both prove what was counted after the
watermark is lost (`rebuild`). An object of version 0.2 or before has neither.

`begun-anew` is in an object that replaces a damaged one: until then its messages were counted, as far as anybody knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from deliverywatch.messages.untrusted import moment
from deliverywatch.sms.lake.slots import as_text
from deliverywatch.storage.store import WRITER

COUNTED_FROM, COVERED_UNTIL, BEGUN_ANEW = "counted-from", "covered-until", "begun-anew"
TOKEN = "token"  # noqa: S105 (it makes two writes differ)

# Of an object that a back-fill begins.
UNCOUNTED = MappingProxyType({COUNTED_FROM: ""})

# Of one write, or of Arrow: whoever rewrites an object has others.
_OF_ONE_WRITE = {TOKEN, WRITER, "ARROW:schema"}


def of_schedule(counted_from: datetime | None, covered_until: datetime | None) -> dict[str, str]:
    """Return the marks that a run on schedule leaves."""
    times = {COUNTED_FROM: counted_from, COVERED_UNTIL: covered_until}
    return {name: as_text(time) for name, time in times.items() if time}


def kept(stored: Mapping[str, str]) -> dict[str, str]:
    """Return what whoever rewrites an object keeps, also of what a later version stored beside it."""
    return {name: value for name, value in stored.items() if name not in _OF_ONE_WRITE}


def counted_before(marks: Mapping[str, str]) -> datetime | None:
    """Return before which time of sending the messages of an object count as counted; none if it was never damaged."""
    return moment(marks.get(BEGUN_ANEW))


def combined(stored: Mapping[str, str], added: Mapping[str, str]) -> dict[str, str]:
    """Return what is stored beside an object after a write that adds marks: coverage never goes back."""
    both = kept(stored) | dict(added)
    froms, untils = (
        [marks[name] for marks in (stored, added) if marks.get(name)] for name in (COUNTED_FROM, COVERED_UNTIL)
    )
    earliest = {COUNTED_FROM: min(froms)} if froms else {}
    return both | earliest | ({COVERED_UNTIL: max(untils)} if untils else {})
