"""What is left where queries came from is shown until it is gone, and import carries what the former file says."""

import json
from typing import Any

import pytest
from queries_world import GROUP, FakeService, error, query, wanted

from deliverywatch.errors import ServiceRefused
from deliverywatch.queries.aws import names_in
from deliverywatch.queries.config.file import Refused, read
from deliverywatch.queries.config.query import Origin
from deliverywatch.queries.schedule import adoption, former

OURS = Origin(GROUP, "dw-")
OLD = Origin("old", "pn-")
ENTRY = {"schedule": "rate(1 hour)", "query": "SELECT 1"}


def service(*names: str, group: str = "old") -> FakeService:
    made = FakeService()
    for name in names:
        made.put(group, wanted(query("x"))["pn-x"].request() | {"Name": name})
    return made


def left(client: FakeService, *origins: Origin) -> dict[str, list[str] | None]:
    return dict(former.remaining(origins, lambda group, prefix: names_in(client, group, prefix), OURS))


def test_schedules_that_are_left_are_shown_by_their_group() -> None:
    assert left(service("pn-a", "pn-b", "another"), OLD) == {"old": ["pn-a", "pn-b"]}
    assert left(service(), OLD) == {}


def test_in_our_own_group_ours_are_not_left_over() -> None:
    own = service("dw-a", "pn-a", group=GROUP)
    assert left(own, Origin(GROUP, "")) == {GROUP: ["pn-a"]}
    assert left(own, OURS) == {}


def test_a_group_that_is_gone_has_nothing_left_and_one_that_cannot_be_read_is_named() -> None:
    client = service("pn-a")
    client.fault = lambda operation, _: error("ResourceNotFoundException", operation)
    assert left(client, OLD) == {}
    client.fault = lambda operation, _: error("AccessDeniedException", operation)
    assert left(client, OLD) == {"old": None}
    assert "not known" in former.lines({"old": None})[0]
    with pytest.raises(ServiceRefused):
        names_in(client, "old", "pn-")


def test_a_line_of_the_log_names_the_first_five() -> None:
    (line,) = former.lines({"old": [f"pn-{number}" for number in range(7)]})
    assert line == "FORMER 7 still run in the group old, beside ours: pn-0, pn-1, pn-2, pn-3, pn-4 and 2 more"


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({}, "$.imported_from"),
        ([3], "$.imported_from[0].group"),
        ([{"group": "a b", "prefix": "pn-"}], "$.imported_from[0].group"),
        ([{"group": "old", "prefix": "pn*"}], "$.imported_from[0].prefix"),
        ([{"group": "old", "name": "x"}], "$.imported_from[0].name"),
    ],
)
def test_a_place_that_can_be_none_is_refused_with_its_path(given: Any, path: str) -> None:
    with pytest.raises(Refused, match=path.replace("$", r"\$").replace("[", r"\[")):
        read(json.dumps({"queries": {}, "imported_from": given}).encode(), "dw")


def adopted(content: dict[str, Any], taken: Any, *ids: str, origin: Origin = OLD) -> adoption.Adoption:
    schedules = wanted(*map(query, ids)).values()
    return adoption.adopt({"queries": {}, **content}, schedules, origin, {"queries": {}, **taken}, OURS)


@pytest.mark.parametrize(
    ("content", "taken", "entry"),
    [
        ({}, {"csv_filename_template": "{date}.csv"}, {"filename_template": "{date}.csv"}),
        ({}, {"filename_template": "a.csv", "csv_filename_template": "b.csv"}, {"filename_template": "a.csv"}),
        ({}, {"database": "own"}, {"database": "own"}),
        ({}, {}, {"database": "shop"}),
        ({"global_config": {"athena_database": "shop"}}, {}, {}),
    ],
)
def test_import_carries_names_of_files_and_the_database(
    content: dict[str, Any], taken: dict[str, Any], entry: dict[str, Any]
) -> None:
    settings = {"global_config": {"athena_database": "shop"}}
    document = adopted(content, {"queries": {"a": ENTRY | taken}, **settings}, "a").document
    made = document["queries"]["a"]
    assert {name: made[name] for name in entry} == entry
    assert "csv_filename_template" not in made
    assert read(json.dumps(document).encode(), "dw").queries["a"].database == ("own" if "database" in taken else "shop")


@pytest.mark.parametrize(
    ("taken", "days_back"),
    [
        ({"queries": {"a": ENTRY | {"slack": {"enabled": True}}}}, 1),
        ({"queries": {"a": ENTRY, "b": ENTRY | {"csv_filename_template": "b.csv"}}}, 1),
        ({"queries": {"a": ENTRY}, "global_config": {"date_variables": {}}}, 1),
        ({"queries": {"a": ENTRY | {"days_back": 3}}, "global_config": {"date_variables": {}}}, 3),
        ({"queries": {"a": ENTRY}, "global_config": {"athena_database": "shop"}}, 0),
        ({"queries": {"a": ENTRY}}, 0),
    ],
)
def test_import_keeps_the_day_that_a_query_is_about(taken: dict[str, Any], days_back: int) -> None:
    document = adopted({}, taken, "a").document
    assert read(json.dumps(document).encode(), "dw").queries["a"].days_back == days_back


def test_import_of_our_own_group_names_no_other_place() -> None:
    assert "imported_from" not in adopted({}, {}, "a", origin=OURS).document
    twice = adopted(adopted({}, {}, "a").document, {}, "b").document
    assert twice["imported_from"] == [{"group": "old", "prefix": "pn-"}]


@pytest.mark.parametrize("taken", [{"queries": {"a": "text"}}, {"queries": {"a": None}}, {"global_config": [3]}])
def test_a_former_file_of_any_shape_leaves_what_it_does_not_say_to_fill_in(taken: dict[str, Any]) -> None:
    assert adopted({"imported_from": {}}, taken, "a").incomplete == ("a",)
