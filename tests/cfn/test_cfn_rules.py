"""Bad configuration is refused by the template itself, with a sentence."""

import re
from typing import Any

import pytest
from cfn_values import GIVEN

ORDERED = [
    ("WarningThresholdPercent", "CriticalThresholdPercent"),
    ("WarningRecoveryPercent", "WarningThresholdPercent"),
    ("CriticalRecoveryPercent", "CriticalThresholdPercent"),
]


def refusals(template: dict[str, Any], **given: str) -> list[str]:
    """Return why CloudFormation refuses these parameters: their own limits first, else the rules."""
    values = {**defaults(template), **GIVEN, **given}
    limits = [
        f"{name} {made['ConstraintDescription']}"
        for name, made in template["Parameters"].items()
        if not is_within(made, values[name])
    ]
    return limits or [
        assertion["AssertDescription"]
        for rule in template["Rules"].values()
        for assertion in rule["Assertions"]
        if holds(rule.get("RuleCondition", True), values) and not holds(assertion["Assert"], values)
    ]


def defaults(template: dict[str, Any]) -> dict[str, str]:
    return {name: made.get("Default") for name, made in template["Parameters"].items()}


def is_within(parameter: dict[str, Any], value: str) -> bool:
    if parameter["Type"] == "Number":
        return parameter["MinValue"] <= float(value) <= parameter["MaxValue"]
    if "AllowedValues" in parameter:
        return value in parameter["AllowedValues"]
    return re.fullmatch(parameter["AllowedPattern"], value) is not None


def holds(node: Any, values: dict[str, str]) -> Any:
    match node:
        case {"Ref": name}:
            return values[name]
        case {"Fn::Or": cases}:
            assert 2 <= len(cases) <= 10, "CloudFormation takes 2 to 10 conditions"
            return any(holds(case, values) for case in cases)
        case {"Fn::Not": [case]}:
            return not holds(case, values)
        case {"Fn::Equals": [left, right]}:
            return holds(left, values) == holds(right, values)
        case {"Fn::Contains": [allowed, value]}:
            return holds(value, values) in allowed
    return node


def test_the_defaults_are_accepted(template: dict[str, Any]) -> None:
    assert refusals(template) == []


@pytest.mark.parametrize(("lower", "upper"), ORDERED)
def test_a_threshold_is_accepted_exactly_if_it_is_below_the_other(
    template: dict[str, Any], lower: str, upper: str
) -> None:
    about = [
        (rule["RuleCondition"], each["Assert"])
        for rule in template["Rules"].values()
        for each in rule["Assertions"]
        if each["AssertDescription"].startswith(f"{lower} must be less than {upper}")
    ]
    for low in template["Parameters"][lower]["AllowedValues"]:
        for high in template["Parameters"][upper]["AllowedValues"]:
            values = {lower: low, upper: high}
            accepted = all(holds(each, values) for where, each in about if holds(where, values))
            assert accepted == (float(low) < float(high)), (low, high)


def test_every_value_of_a_threshold_goes_with_some_other(template: dict[str, Any]) -> None:
    for lower, upper in ORDERED:
        lows, highs = (template["Parameters"][name]["AllowedValues"] for name in (lower, upper))
        assert min(map(float, lows)) < min(map(float, highs))
        assert max(map(float, lows)) < max(map(float, highs))


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("WarningThresholdPercent", "0", "must be 1, 2, 3"),
        ("CriticalThresholdPercent", "0", "must be 5, 8, 10"),
        ("CriticalThresholdPercent", "-5", "must be 5, 8, 10"),
        ("WarningRecoveryPercent", "0", "must be 0.5, 1, 1.5"),
        ("MinimumTotal", "0", "from 1"),
        ("MinimumFailed", "0", "from 1"),
        ("TricklePercent", "0", "from 1 to 99"),
        ("OverduePercent", "100", "from 1 to 99"),
        ("AlertRecipients", "", "must be 1 to 50 e-mail addresses"),
        ("AlertRecipients", "support@example.com,", "must be 1 to 50 e-mail addresses"),
        ("AlertRecipients", "support", "must be 1 to 50 e-mail addresses"),
        ("AlertRecipients", ",".join(["support@example.com"] * 51), "must be 1 to 50 e-mail addresses"),
        ("SenderAddress", "", "one e-mail address"),
        ("SenderAddress", "a..b@example.com", "one e-mail address"),
        ("SenderAddress", "support:a@example.com", "one e-mail address"),
        ("FallbackAddress", "a@example.com,b@example.com", "one e-mail address"),
        ("TimeZone", "Australia/Sidney", "IANA"),
        ("TimeZone", "", "IANA"),
        ("Environment", "Prod", "lower-case"),
        ("ClickSendCredentials", "/deliverywatch/", "without a slash at its end"),
        ("ClickSendUrl", "rest.clicksend.com", "https://rest.clicksend.com"),
        ("SlotMinutes", "7", "1, 2, 5 or 10"),
        ("LogRetentionDays", "31", "must be 1, 3, 5, 7, 14, 30, 60"),
        ("AthenaScanLimitMegabytes", "9", "Athena's own minimum"),
        ("AthenaResultDays", "0", "from 1"),
        ("KmsKeyArn", "alias/aws/sns", "ARN of a KMS key"),
        ("CountRecipientFaults", "yes", "true or false"),
        ("RecipientNumbers", "encrypted", "hashed or plain"),
        ("WarningThresholdPercent", "20", "WarningThresholdPercent must be less than CriticalThresholdPercent"),
    ],
)
def test_a_bad_value_is_refused_with_a_sentence(template: dict[str, Any], name: str, value: str, sentence: str) -> None:
    others = {"CriticalThresholdPercent": "20", "CriticalRecoveryPercent": "10"} if value == "20" else {}
    (refusal,) = refusals(template, **{**others, name: value})
    assert refusal.startswith(name)
    assert sentence in refusal


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AlertRecipients", "support@example.com"),
        ("SenderAddress", "sms-alerts+prod@mail.example.com.au"),
        ("TimeZone", "Australia/Sydney"),
        ("TimeZone", "America/Argentina/Buenos_Aires"),
        ("ClickSendUrl", "http://127.0.0.1:8080"),
        ("KmsKeyArn", "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"),
        ("ClickSendCredentials", "/deliverywatch/test/clicksend"),
        ("ClickSendCredentials", ""),
        ("WarningRecoveryPercent", "0.5"),
    ],
)
def test_a_good_value_is_accepted(template: dict[str, Any], name: str, value: str) -> None:
    assert refusals(template, **{name: value}) == []


def test_every_parameter_is_explained_labelled_and_grouped(template: dict[str, Any]) -> None:
    interface = template["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]
    assert sorted(grouped) == sorted(template["Parameters"]) == sorted(interface["ParameterLabels"])
    for made in template["Parameters"].values():
        assert made["Description"].endswith(".")
        assert made["ConstraintDescription"].startswith("must be")


def test_only_the_three_addresses_must_be_given(template: dict[str, Any]) -> None:
    required = {name for name, made in template["Parameters"].items() if "Default" not in made}
    assert required == {"SenderAddress", "AlertRecipients", "FallbackAddress"}
