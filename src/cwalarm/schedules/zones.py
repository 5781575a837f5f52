"""The name of a time zone -> the zone, by the list of the tzdata package: the same names on every machine.

A machine may know more of them, such as `right/Europe/Rome` or a link of its own, and a Lambda function none at all.
"""

from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from cwalarm.errors import InputError

# A zone that says that none was chosen.
_NONE = "Factory"


@cache
def names() -> frozenset[str]:
    """Return the names of all time zones."""
    return frozenset(files("tzdata").joinpath("zones").read_text("ascii").split()) - {_NONE}


def zone(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name, or raise InputError."""
    if name not in names():
        raise InputError(f"There is no time zone {name!r}.", next_step="Use UTC or an IANA name such as Europe/Rome.")
    return ZoneInfo(name)
