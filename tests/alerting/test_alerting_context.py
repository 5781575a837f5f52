"""What a watch's system left, and what a mail makes of it."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alerting_fakes import at
from hypothesis import given
from hypothesis import strategies as st

from deliverywatch.alerting.mail.comparison import compare
from deliverywatch.alerting.mail.window import counts_before, is_rising, recipients_affected, window_counts
from deliverywatch.messages.context import Context, Slot, from_json
from deliverywatch.messages.group import REST

BLAMED = "Concentrated: 96 % of the failures are Telstra, where 84 % fail; all other carriers together are at 1.7 %."
SPREAD = (
    "Spread over all carriers (even Optus is at 25 %): "
    "this points at the provider or at what we send, not at one carrier."
)
DOCUMENT = json.loads((Path(__file__).parents[1] / "events" / "sms_context.json").read_text())


def with_slots(*counts: tuple[int, int]) -> Context:
    slots = [
        Slot(at("11:00") + timedelta(minutes=10 * number), total, failed, failed)
        for number, (total, failed) in enumerate(counts)
    ]
    return Context(slot_minutes=10, slots=tuple(slots))


def with_groups(by: str = "carrier", **groups: tuple[int, int]) -> Context:
    named = [{"name": name, "total": total, "failed": failed} for name, (total, failed) in groups.items()]
    return from_json(json.dumps({"window": {"groups": {by: named}}}).encode())


def test_the_documented_document_is_read_whole() -> None:
    context = from_json(json.dumps(DOCUMENT).encode())
    assert (context.noun, context.slot_minutes, len(context.slots), context.window_minutes) == ("SMS", 10, 4, 30)
    assert [reason.code for reason in context.reasons] == ["14", "12"]
    assert [by for by, _ in context.groups] == ["carrier", "country"]
    assert context.samples[0].carrier_and_country == "Telstra, AU"
    assert (context.overdue or ())[:3] == (9, 1180, 0.8)
    assert len(context.steps) == 3
    assert context.links == (("ClickSend status", "https://status.clicksend.com"),)


@pytest.mark.parametrize("body", [None, b"", b"{", b"[]", b"null", b"[" * 100_000, b"\xff"])
def test_a_missing_or_broken_document_is_an_empty_context(body: bytes | None) -> None:
    assert from_json(body) == Context()


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "total", "start", "text", "url"]), inner)
    ),
    max_leaves=6,
)


@given(
    st.dictionaries(st.sampled_from([*DOCUMENT]), anything),
    st.dictionaries(st.sampled_from([*DOCUMENT["window"]]), anything),
)
def test_wrong_types_cost_their_own_part_only(parts: dict[str, Any], window: dict[str, Any]) -> None:
    context = from_json(json.dumps(DOCUMENT | {"window": window} | parts).encode())
    compare(context)
    is_rising(context)
    assert "noun" in parts or context.noun == "SMS"


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([(100, 1), (100, 30)], True),
        ([(100, 30), (100, 1)], False),
        ([(100, 30), (100, 33)], False),
        ([(100, 0), (100, 0)], False),
        ([(19, 0), (100, 30)], False),
        ([(100, 30)], False),
        ([], False),
    ],
)
def test_only_a_clear_rise_of_the_last_slot_is_mentioned(counts: list[tuple[int, int]], expected: bool) -> None:
    assert is_rising(with_slots(*counts)) is expected


def test_the_window_is_made_of_its_last_slots() -> None:
    context = with_slots((100, 1), (100, 2), (100, 3), (100, 4))
    assert window_counts(context, 1800) == (9, 300)
    assert window_counts(context, 3600) is None
    assert window_counts(Context(), 1800) is None


def test_what_was_before_the_window_has_its_time() -> None:
    context = with_slots((100, 1), (100, 2), (100, 30), (100, 40), (100, 50))
    assert counts_before(context, 1800) == (3, 200, (at("11:00"), at("11:20")))
    assert counts_before(with_slots((10, 1), (100, 30), (100, 40), (100, 50)), 1800) is None


def test_each_recipient_is_counted_once_from_the_incidents_first_window_on() -> None:
    context = with_slots((9, 1), (9, 2), (9, 4), (9, 8), (9, 16))
    assert recipients_affected(context, at("11:52"), 1800) == (28, True)
    assert recipients_affected(context, at("11:32"), 1800) == (31, False)
    assert recipients_affected(Context(), at("11:52"), 1800) is None


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        (
            with_groups(Telstra=(401, 335), Optus=(390, 8), Vodafone=(413, 6)),
            BLAMED,
        ),
        (
            with_groups("country", NZ=(54, 50), AU=(1000, 10)),
            "Concentrated: 83 % of the failures are NZ, where 93 % fail; all other countries together are at 1 %.",
        ),
        (
            with_groups("list", **{"4711": (300, 291), "12": (500, 4), REST: (500, 3)}),
            "Concentrated: 98 % of the failures are list 4711, where 97 % fail; all other lists together are at 0.7 %.",
        ),
        (
            with_groups("list", **{"4711": (300, 299), "12": (5000, 1)}),
            "Concentrated: 99.67 % of the failures are list 4711, where 99.67 % fail; all other lists together are at 0.02 %.",  # noqa: E501
        ),
        (with_groups("list", **{REST: (300, 291), "12": (500, 4)}), ""),
        (
            with_groups(Telstra=(400, 120), Optus=(400, 100), Vodafone=(400, 110)),
            SPREAD,
        ),
        (with_groups(Telstra=(400, 120), Optus=(400, 90), Vodafone=(400, 10)), ""),
        (with_groups(Telstra=(400, 120)), ""),
        (with_groups(Telstra=(2, 2), Optus=(400, 0)), ""),
        (with_groups(Telstra=(400, 0), Optus=(400, 0)), ""),
        (with_groups(Telstra=(0, 9), Optus=(0, 0)), ""),
        (with_groups("weird", a=(0, 0)), ""),
        (Context(), ""),
    ],
)
def test_the_healthy_rest_shows_whom_to_blame(context: Context, expected: str) -> None:
    assert compare(context).sentence.replace("\u00a0", " ") == expected


def test_the_sharper_difference_is_named() -> None:
    groups = {
        "country": [{"name": "AU", "total": 900, "failed": 335}, {"name": "NZ", "total": 300, "failed": 10}],
        "carrier": [{"name": "Telstra", "total": 401, "failed": 335}, {"name": "Optus", "total": 799, "failed": 10}],
    }
    assert "Telstra" in compare(from_json(json.dumps({"window": {"groups": groups}}).encode())).sentence


def test_the_country_of_nearly_all_messages_is_not_to_blame_for_the_carrier_in_it() -> None:
    groups = {
        "country": [{"name": "GB", "total": 356, "failed": 13}, {"name": "US", "total": 46, "failed": 0}],
        "carrier": [{"name": "O2", "total": 158, "failed": 12}, {"name": "EE", "total": 244, "failed": 1}],
    }
    told = compare(from_json(json.dumps({"window": {"groups": groups}}).encode())).sentence
    assert "O2" in told
    assert "GB" not in told
