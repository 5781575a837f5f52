"""Our alarms under the lint for everybody's alarms: what it finds is accepted with a reason, or fixed."""

import json

import pytest

import stacks
from cwalarm.definitions import documents
from cwalarm.lint.findings import Finding, Verdict
from cwalarm.lint.lint import Report, lint


def report(systems: list[str]) -> Report:
    template = stacks.template(stacks.chosen(systems), "arm64", "0")
    return lint(documents.parse(template.to_json()), {})


def open_findings(findings: list[Finding]) -> list[str]:
    return [f"{one.alarm}: {one.rule.name}: {one.why}" for one in findings if one.accepted is None]


@pytest.mark.parametrize("system", stacks.SYSTEMS)
def test_every_finding_about_our_alarms_is_accepted_with_a_reason(system: str) -> None:
    judged = report([system])
    assert open_findings(judged.findings) == []
    assert all(one.accepted for one in judged.findings)
    assert all(one.answers.can_fire.verdict is Verdict.YES for one in judged.judged if one.answers)
    undecided = {one.alarm for one in judged.findings if one.rule.name == "not-decided"}
    for one in judged.judged:
        if one.answers:
            expected = Verdict.NOT_DECIDED if one.alarm in undecided else Verdict.YES
            assert one.answers.can_recover.verdict is expected, one.alarm


def test_no_alarm_of_ours_is_left_unjudged() -> None:
    systems = [name for name in stacks.SYSTEMS if name != "files-pusher"]
    document = json.loads(stacks.template(stacks.chosen(systems), "arm64", "0").to_json())
    alarms = {key for key, entry in document["Resources"].items() if entry["Type"] == "AWS::CloudWatch::Alarm"}
    judged = report(systems)
    assert {one.logical_id for one in judged.judged if one.answers} | {
        one.logical_id for one in judged.absent
    } == alarms
