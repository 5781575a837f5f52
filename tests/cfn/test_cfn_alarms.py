"""The alarms of the built template, read by the engine as CloudWatch would read them."""

import json
from collections import Counter
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pytest
from cfn_values import GIVEN

from cwalarm.definitions.alarm import Alarm, Comparison, Treat, from_template
from cwalarm.metric_math.expression import names, parse
from deliverywatch.alerting.incidents.severity import watches
from deliverywatch.environment import parameter_name
from deliverywatch.sms import counts
from deliverywatch.sms.assessments.failures import FailureLimits

PREFIX = "deliverywatch-prod-"
ALERTS = "arn:aws:sns:eu-west-1:111122223333:deliverywatch-prod-alerts"
FALLBACK = "arn:aws:sns:eu-west-1:111122223333:deliverywatch-prod-fallback"


def alarms(template: dict[str, Any], **parameters: str) -> dict[str, Alarm]:
    return {
        alarm.name.partition("-")[2].partition("-")[2]: alarm
        for alarm in from_template(template, {**GIVEN, **parameters})
    }


def expression(alarm: Alarm) -> str:
    (query,) = [query for query in alarm.queries if query.return_data]
    return query.expression or ""


# name: threshold, comparison, period, M of N, missing data, expression
_SHARE = "IF(total >= 10, IF(failed >= 3, 100 * failed / total, 0))"
EXPECTED = {
    "sms-critical": (25, ">", 1800, (1, 1), "ignore", _SHARE),
    "sms-warning": (3, ">", 1800, (1, 1), "ignore", _SHARE),
    "sms-overdue": (10, ">", 600, (2, 2), "ignore", ""),
    "sms-silence": (2, "<", 1800, (1, 1), "ignore", "IF(expected >= 10, 100 * total / expected)"),
    "sms-blind": (1, "<", 1800, (1, 1), "breaching", "FILL(runs, 0)"),
    "sms-ingest-errors": (0, ">", 600, (2, 3), "ignore", ""),
    "mail-failed": (0, ">", 300, (1, 1), "ignore", ""),
}


def test_the_alarms_are_those_that_were_designed(template: dict[str, Any]) -> None:
    signs = {Comparison.ABOVE: ">", Comparison.AT_LEAST: ">=", Comparison.BELOW: "<"}
    assert {
        name: (
            alarm.threshold,
            signs[alarm.comparison],
            alarm.period_seconds,
            (alarm.m, alarm.evaluation_periods),
            alarm.treat_missing_data.value,
            expression(alarm),
        )
        for name, alarm in alarms(template).items()
    } == EXPECTED


def test_every_expression_parses_and_uses_every_metric_that_is_paid_for(template: dict[str, Any]) -> None:
    for alarm in alarms(template).values():
        used = names(parse(expression(alarm))) if expression(alarm) else {"m1"}
        assert used == {query.id for query in alarm.queries if query.metric}


def emitted(environment: str) -> set[tuple[str, str, tuple[tuple[str, str], ...]]]:
    """Return every metric that the ingest function prints: namespace, name, dimensions."""
    slot = datetime.now(UTC).replace(microsecond=0)
    points = [counts.slot_datapoint(slot, 10, counts.SlotCounts(5, 1), 5.0), counts.run_datapoint(slot, 0.0)]
    emitted = set()
    for line in (json.loads(counts.document(environment, point)) for point in points):
        (directive,) = line["_aws"]["CloudWatchMetrics"]
        (dimensions,) = directive["Dimensions"]
        pairs = tuple(sorted((name, line[name]) for name in dimensions))
        emitted |= {(directive["Namespace"], metric["Name"], pairs) for metric in directive["Metrics"]}
    return emitted


def test_the_alarms_read_exactly_what_sms_emits(template: dict[str, Any]) -> None:
    read = {
        query.metric.metric
        for alarm in alarms(template, Environment="test").values()
        for query in alarm.queries
        if query.metric
    }
    assert {metric for metric in read if metric.namespace == counts.NAMESPACE} == emitted("test")
    assert {metric for metric in read if metric.namespace != counts.NAMESPACE} == {
        ("AWS/Lambda", "Errors", (("FunctionName", "deliverywatch-test-sms-ingest"),)),
        (
            "AWS/SQS",
            "ApproximateNumberOfMessagesVisible",
            (("QueueName", "deliverywatch-test-alerting-notify-dead-letters"),),
        ),
    }


def test_each_alarm_says_its_rule_in_a_sentence_with_its_numbers(template: dict[str, Any]) -> None:
    chosen = {"CriticalThresholdPercent": "40", "OverduePercent": "66", "MinimumFailed": "7"}
    descriptions = {name: alarm.description or "" for name, alarm in alarms(template, **chosen).items()}
    assert all(text.endswith(".") and "${" not in text and 40 < len(text) < 1024 for text in descriptions.values())
    assert "more than 40 %" in descriptions["sms-critical"]
    assert "at least 10 sent and 7 failed" in descriptions["sms-critical"]
    assert "66 points above" in descriptions["sms-overdue"]


def test_every_alarm_tells_somebody_and_mail_failed_goes_past_the_notifier(template: dict[str, Any]) -> None:
    for name, alarm in alarms(template).items():
        assert alarm.alarm_actions == (FALLBACK if name == "mail-failed" else ALERTS,)
        assert alarm.ok_actions == (() if name == "mail-failed" else (ALERTS,))
        assert alarm.insufficient_data_actions == ()
        assert alarm.actions_enabled


def test_losing_sight_never_reads_as_resolved(template: dict[str, Any]) -> None:
    texts = {name: alarm.description or "" for name, alarm in alarms(template).items()}
    ratios = [alarm for name, alarm in alarms(template).items() if " % " in texts[name] or " points " in texts[name]]
    assert len(ratios) == 4
    assert {alarm.treat_missing_data for alarm in ratios} == {Treat.IGNORE}


@pytest.mark.parametrize(
    ("parameter", "value", "changed"),
    [
        ("CriticalThresholdPercent", "40", ["sms-critical"]),
        ("WarningThresholdPercent", "5", ["sms-warning"]),
        # The ingest judges by these.
        ("OutagePercent", "95", []),
        ("OutageMinimumFailed", "4", []),
        ("OverduePercent", "60", ["sms-overdue"]),
        ("SilencePercent", "5", ["sms-silence"]),
        ("SilenceMinimumExpected", "20", ["sms-silence"]),
        ("WindowMinutes", "60", ["sms-critical", "sms-warning"]),
        ("MinimumTotal", "50", ["sms-critical", "sms-warning"]),
        ("MinimumFailed", "5", ["sms-critical", "sms-warning"]),
    ],
)
def test_a_parameter_turns_the_alarms_it_names(
    template: dict[str, Any], parameter: str, value: str, changed: list[str]
) -> None:
    before, after = alarms(template), alarms(template, **{parameter: value})
    differing = [
        name
        for name, alarm in after.items()
        if (alarm.threshold, alarm.period_seconds, expression(alarm))
        != (before[name].threshold, before[name].period_seconds, expression(before[name]))
    ]
    assert sorted(differing) == sorted(changed)


def test_every_alarm_but_mail_failed_is_a_level_of_one_watch(with_page: dict[str, Any]) -> None:
    declared = json.loads(with_page["Metadata"]["DeliveryWatch"]["Watches"])
    configured = watches({"watches": declared}, "deliverywatch-prod")
    levels = Counter(
        name for watch in configured for level in watch.severities for name in (level.alarm, level.recovery) if name
    )
    deployed = {alarm.name for alarm in alarms(with_page, LinkKeyParameter="/a/key").values()}
    assert levels == Counter(deployed - {f"{PREFIX}mail-failed"})


def test_the_watching_costs_less_than_three_dollars_a_month_at_list_price(template: dict[str, Any]) -> None:
    loaded = alarms(template).values()
    references = sum(1 for alarm in loaded for query in alarm.queries if query.metric)
    own = {query.metric.metric for alarm in loaded for query in alarm.queries if query.metric}
    custom = {metric for metric in own if not metric.namespace.startswith("AWS/")}
    assert (references, len(custom)) == (10, 5)
    assert references * 0.10 + len(custom) * 0.30 == pytest.approx(2.50)


def test_two_environments_share_no_alarm(template: dict[str, Any]) -> None:
    prod, test = (
        {alarm.name for alarm in from_template(template, {**GIVEN, "Environment": name})} for name in ("prod", "test")
    )
    assert len(prod) == len(test) == len(EXPECTED)
    assert not prod & test


def test_every_limit_of_an_assessment_is_a_parameter_that_reaches_the_ingest(template: dict[str, Any]) -> None:
    variables = template["Resources"]["SmsIngest"]["Properties"]["Environment"]["Variables"]
    for field in fields(FailureLimits):
        parameter = parameter_name(field.name)
        assert template["Parameters"][parameter]["Default"] == str(field.default)
        assert variables[f"DELIVERYWATCH_{field.name.upper()}"] == {"Ref": parameter}


def test_a_switch_takes_the_watch_for_silence_away(template: dict[str, Any]) -> None:
    assert alarms(template).keys() - alarms(template, SilenceWatch="false").keys() == {"sms-silence"}
