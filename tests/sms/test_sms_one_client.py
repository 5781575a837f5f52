"""One sender, subaccount or list that fails alone: only what was seen of the others says that it is alone."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sms_world import World, at, row

from deliverywatch.messages.level import Level
from deliverywatch.sms.assessments.failures import FailureLimits
from deliverywatch.sms.assessments.one_client import CLIENTS, Kind, Tally, one_client
from deliverywatch.sms.clicksend.recipients import shown_sender
from deliverywatch.sms.ports import Settings

LIMITS = FailureLimits()
SLOT = 600_000


def kinds(text: str) -> dict[str, dict[Kind, Tally]]:
    """Return tallies of lines such as `4711 Telstra AU 97/100` in slot 0; a dash is what ClickSend does not say."""
    tallies: dict[Kind, Tally] = {}
    for line in filter(None, map(str.strip, text.split(";"))):
        name, carrier, country, counts, *slot = line.split()
        failed, total = map(int, counts.split("/"))
        words = (carrier, country, name)
        kind = Kind(SLOT * int(*slot or ["0"]), *(word.strip("-") for word in words))
        tallies[kind] = Tally(total, failed, total - failed)
    return {"list": tallies}


@pytest.mark.parametrize(
    ("text", "name", "because"),
    [
        ("4711 Telstra AU 97/100; 1 Telstra AU 0/60; - Optus AU 1/80", "4711", "the same carrier takes the others"),
        ("4711 - AU 97/100; 1 Telstra AU 0/60", "4711", "refused messages have no carrier, and the country is well"),
        ("4711 Telstra AU 97/100; - Telstra AU 0/60", "4711", "what was sent to no list is well too"),
        ("4711 Telstra AU 97/100; 1 Optus AU 0/60", "", "it may be the carrier: nobody else is sent there"),
        ("4711 Telstra NZ 97/100; 1 Telstra AU 0/60", "", "it may be the country"),
        ("4711 - - 97/100; 1 - - 0/60", "", "where it failed is not known"),
        ("4711 Telstra AU 97/100; 1 Telstra AU 0/9", "", "nine others are too few to be proof"),
        ("4711 Telstra AU 97/100; 1 Telstra AU 3/60", "", "the others fail as well"),
        ("4711 Telstra AU 97/100; 1 Telstra AU 0/60; 1 Optus AU 9/60", "", "others fail elsewhere"),
        ("4711 Telstra AU 97/100 1; 1 Telstra AU 0/60 0", "", "the others were sent before it began"),
        ("4711 Telstra AU 2/2; 1 Telstra AU 0/60", "", "two failures are none"),
        ("- Telstra AU 97/100; 1 Telstra AU 0/60", "", "what has no list is nobody"),
        ("4711 Telstra AU 97/100", "", "there is nobody else"),
        ("", "", "nothing was sent"),
    ],
)
def test_a_list_fails_alone_only_where_the_others_are_seen_to_be_well(text: str, name: str, because: str) -> None:
    client = one_client(kinds(text), LIMITS)
    assert (client.name if client else "") == name, because


def test_messages_without_an_outcome_prove_nothing() -> None:
    (kind,) = kinds("1 Telstra AU 0/60")["list"]
    tallies = kinds("4711 Telstra AU 97/100")["list"] | {kind: Tally(60)}
    assert one_client({"list": tallies}, LIMITS) is None


@pytest.mark.parametrize(
    ("failed", "others", "sentence"),
    [
        (3000, 0, "100 % of the failures are list 4711; all others are at 0 %."),
        (3000, 1, "Over 99.9 % of the failures are list 4711; all others are at under 0.1 %."),
        (94, 6, "94 % of the failures are list 4711; all others are at 0.1 %."),
    ],
)
def test_a_share_that_is_not_all_or_not_none_does_not_look_like_it(failed: int, others: int, sentence: str) -> None:
    client = one_client(kinds(f"4711 Telstra AU {failed}/3000; 1 Telstra AU {others}/6000"), LIMITS)
    assert client is not None
    assert client.sentence == sentence


TALLIES = st.builds(Tally, total=st.just(0), failed=st.integers(0, 50), good=st.integers(0, 50))
KINDS = st.builds(Kind, st.sampled_from([0, SLOT]), *[st.sampled_from(["", "a", "b"])] * 3)


@given(st.dictionaries(KINDS, TALLIES, max_size=12))
def test_whoever_is_named_fails_and_everybody_else_is_well(tallies: dict[Kind, Tally]) -> None:
    client = one_client(dict.fromkeys(CLIENTS, tallies), LIMITS)
    if client is None:
        return
    assert client.by == CLIENTS[0]  # the narrowest of those that are the same
    own, others = Tally(), Tally()
    for kind, tally in tallies.items():
        (own if kind.client == client.name else others).add(tally)
    assert own.failed >= LIMITS.minimum_failed
    assert others.known >= LIMITS.minimum_total
    assert others.failed_percent <= LIMITS.warning_recovery_percent


def dead_list(world: World, others: Iterable[dict[str, Any]] = ()) -> None:
    failed = [row(f"F{number}", at("12:05"), "failed", list_id=4711) for number in range(30)]
    good = [row(f"G{number}", at("12:06"), list_id=number % 3) for number in range(60)]
    world.history.rows = [*failed, *good, *others]


def left(world: World) -> dict[str, Any]:
    world.run()
    assessment: dict[str, Any] = world.context()["assessments"]["sms-failures"]
    return assessment


def test_a_run_says_whose_the_failures_are() -> None:
    world = World()
    dead_list(world)
    seen = left(world)
    assert seen["sentence"] == (
        "30 of the last 90 SMS failed (33.3 %). 100 % of the failures are list 4711; all others are at 0 %."
    )
    assert "at_most" not in seen
    groups = world.context()["window"]["groups"]
    assert groups["list"][0] == {"name": "4711", "total": 30, "failed": 30, "rate_percent": 100.0}
    assert "sender" not in groups  # there is one only


@pytest.mark.parametrize("nobody", [{"list_id": 0}, {"list_id": "0"}, {"subaccount_id": 0}])
def test_what_is_numbered_zero_is_of_no_client(nobody: dict[str, Any]) -> None:
    world = World(settings=Settings(keep_one_client_at_warning=True))
    failed = [row(f"F{number}", at("12:05"), "failed", **nobody) for number in range(30)]
    world.history.rows = [
        *failed,
        *(row(f"G{number}", at("12:06"), **dict.fromkeys(nobody, 7)) for number in range(60)),
    ]
    seen = left(world)
    assert (seen["sentence"], "at_most" in seen) == ("30 of the last 90 SMS failed (33.3 %).", False)


@pytest.mark.parametrize(("is_outage", "at_most"), [(False, "warning"), (True, None)])
def test_the_parameter_limits_the_level_while_all_others_are_well(is_outage: bool, at_most: Level | None) -> None:
    world = World(settings=Settings(keep_one_client_at_warning=True))
    dead_list(world, [row(f"O{number}", at("12:07"), "failed") for number in range(9 if is_outage else 0)])
    assert left(world).get("at_most") == at_most


@pytest.mark.parametrize(
    ("sender", "shown"),
    [("+61400000123", "+61•••••123"), ("61400000123", "614•••••123"), ("Shop", "Shop"), ("12345", "12345"), ("", "")],
)
def test_of_a_sender_that_is_a_number_only_its_ends_are_shown(sender: str, shown: str) -> None:
    assert shown_sender(sender) == shown
