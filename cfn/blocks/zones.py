"""The names of time zones that the template accepts: the locked tzdata package's, so that mails can always use them."""

from importlib.resources import files

# What nobody lives by: rules for tests, and the Etc zones, whose sign is the other way round.
_NOT_OFFERED = ("Factory", "Etc/", "posixrules", "localtime")

ZONES = sorted(
    name
    for name in files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()
    if not name.startswith(_NOT_OFFERED)
)
