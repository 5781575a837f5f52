"""Names of time zones: the same everywhere, whatever the machine knows beside them."""

import zoneinfo
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from cwalarm.errors import InputError
from cwalarm.evaluation.windows import zone_of
from cwalarm.schedules import zones

OF_SOME_MACHINES = ["right/Europe/Rome", "posix/Europe/Rome", "posixrules", "localtime", "europe/rome", "Mars/Base"]


@pytest.fixture
def _machine_with_more(tmp_path: Path) -> Iterator[None]:
    rules = files("tzdata").joinpath("zoneinfo/Europe/Rome").read_bytes()
    for name in OF_SOME_MACHINES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(rules)
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath([str(tmp_path)])
    yield
    zoneinfo.reset_tzpath(before)


@pytest.mark.usefixtures("_machine_with_more")
@pytest.mark.parametrize("name", OF_SOME_MACHINES)
def test_a_zone_that_only_this_machine_knows_is_none(name: str) -> None:
    assert zoneinfo.ZoneInfo(name).key == name
    for refused in (zones.zone, zone_of):
        with pytest.raises(InputError, match="There is no time zone"):
            refused(name)


@pytest.mark.parametrize("name", ["", "Factory", "../zones", "Europe", "Europe/Rome ", "zone.tab"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        zones.zone(name)


@pytest.mark.parametrize("name", ["UTC", "Europe/Rome", "Etc/GMT+12", "America/Argentina/Ushuaia", "Europe/Kyiv"])
def test_a_zone_of_the_iana_database_is_one(name: str) -> None:
    assert zones.zone(name).key == name
