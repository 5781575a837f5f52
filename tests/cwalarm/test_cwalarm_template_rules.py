"""The rules of a template, judged before anything is deployed."""

from typing import Any

import pytest

from cwalarm.definitions.template_rules import contradictions

BELOW = {"Fn::Contains": [["1", "2"], {"Ref": "Warning"}]}
CRITICAL_IS_3 = {"Fn::Equals": [{"Ref": "Critical"}, "3"]}


def template(*asserts: Any, condition: Any = None) -> dict[str, Any]:
    rule = {
        "Assertions": [
            {"Assert": condition, "AssertDescription": "Warning must be below critical."} for condition in asserts
        ]
    }
    parameters = {
        "Warning": {"Default": "2"},
        "Critical": {"Default": "3"},
        "Zones": {"Type": "CommaDelimitedList", "Default": "a,b"},
    }
    return {
        "Parameters": parameters,
        "Rules": {"Order": rule | ({"RuleCondition": condition} if condition else {})},
        "Resources": {},
    }


@pytest.mark.parametrize(
    ("asserted", "holds"),
    [
        (BELOW, True),
        ({"Fn::Not": [BELOW]}, False),
        ({"Fn::EachMemberIn": [{"Ref": "Zones"}, ["a", "b", "c"]]}, True),
        ({"Fn::EachMemberIn": [{"Ref": "Zones"}, ["a"]]}, False),
        ({"Fn::EachMemberEquals": [{"Ref": "Zones"}, "a"]}, False),
        ({"Fn::And": [BELOW, CRITICAL_IS_3]}, True),
    ],
)
def test_an_assertion_that_does_not_hold_is_reported_in_its_own_words(asserted: Any, holds: bool) -> None:
    assert contradictions(template(asserted), {}) == ([] if holds else ["Warning must be below critical."])


def test_a_value_decides() -> None:
    assert contradictions(template(BELOW), {"Warning": "5"}) == ["Warning must be below critical."]


def test_a_rule_counts_only_where_its_condition_holds() -> None:
    rule = template(BELOW, condition=CRITICAL_IS_3)
    assert contradictions(rule, {"Warning": "5", "Critical": "9"}) == []
    assert contradictions(rule, {"Warning": "5"}) != []


def test_a_rule_that_asks_the_account_is_not_judged() -> None:
    assert contradictions(template({"Fn::Equals": [{"Fn::ValueOf": ["Vpc", "Id"]}, "1"]}), {}) == []
