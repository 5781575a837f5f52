"""A report -> JSON, JUnit XML, and SARIF 2.1.0 as GitHub's code scanning takes it."""

import hashlib
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from typing import Any

from cwalarm.junit import encoded
from cwalarm.lint.findings import Answers, Finding
from cwalarm.lint.lint import Judged, Report
from cwalarm.lint.rules import RULES, Level, Rule

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_INFORMATION = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html"
_ORDER = list(RULES)


def document(report: Report, template: str) -> dict[str, Any]:
    """Return the report as `--json` prints it."""
    counts = {f"{level}s": report.count(level) for level in Level}
    return {
        "template": template,
        "alarms": [_alarm(judged) for judged in report.judged],
        "absent": [{"alarm": one.name, "why": one.reason} for one in report.absent],
        "missing_parameters": list(report.missing),
        **counts,
        "accepted": sum(one.accepted is not None for one in report.findings),
    }


def _alarm(judged: Judged) -> dict[str, Any]:
    return {
        "alarm": judged.alarm,
        "logical_id": judged.logical_id,
        "line": judged.place.line,
        "answers": _answers(judged.answers) if judged.answers else None,
        "findings": [_finding(one) for one in judged.findings],
    }


def _answers(answers: Answers) -> dict[str, Any]:
    names = ("can_fire", "can_recover", "one_datapoint", "blind")
    every = {name: getattr(answers, name) for name in names}
    return {
        name: {"verdict": answer.verdict, "why": answer.why, **({"series": answer.series} if answer.series else {})}
        for name, answer in every.items()
    }


def _finding(one: Finding) -> dict[str, Any]:
    return {
        "rule": one.rule.name,
        "level": one.rule.level,
        "why": one.why,
        "instead": one.instead or one.rule.instead,
        "page": one.rule.page,
        "accepted": one.accepted,
    }


def junit(report: Report, template: str) -> bytes:
    """Return JUnit XML: a test for each alarm, which fails with everything that counts against it."""
    failed = [judged for judged in report.judged if any(one.counts for one in judged.findings)]
    suite = ET.Element("testsuite", name=template, tests=str(len(report.judged)), failures=str(len(failed)))
    for judged in report.judged:
        case = ET.SubElement(suite, "testcase", classname=template, name=judged.alarm, time="0")
        counted = [one for one in judged.findings if one.counts]
        if counted:
            failure = ET.SubElement(case, "failure", type=counted[0].rule.name, message=counted[0].why)
            failure.text = "\n".join(f"{one.rule.name}: {one.sentence} {one.rule.page}" for one in counted)
        if others := [f"{one.rule.name}: {one.sentence}" for one in judged.findings if not one.counts]:
            ET.SubElement(case, "system-out").text = "\n".join(others)
    return encoded(suite)


def sarif(report: Report, uri: str, version: str) -> dict[str, Any]:
    """Return the SARIF log of one run; `uri` is the template's address, relative to the root of the repository."""
    driver = {
        "name": "cwalarm",
        "semanticVersion": version,
        "informationUri": _INFORMATION,
        "rules": [_rule(rule) for rule in RULES.values()],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "artifacts": [{"location": {"uri": uri}}],
        "results": list(_results(report, uri)),
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.name,
        "name": "".join(part.capitalize() for part in rule.name.split("-")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": f"{rule.title} {rule.why}"},
        "help": {
            "text": f"{rule.why} {rule.instead} See {rule.page}",
            "markdown": f"{rule.why}\n\n**Instead:** {rule.instead}\n\n[AWS documentation]({rule.page})",
        },
        "helpUri": rule.page,
        "defaultConfiguration": {"level": rule.level},
        "properties": {"tags": ["cloudwatch", "alarms"], "precision": "high", "problem.severity": _severity(rule)},
    }


def _severity(rule: Rule) -> str:
    return "recommendation" if rule.level is Level.NOTE else rule.level


def _results(report: Report, uri: str) -> Iterator[dict[str, Any]]:
    for judged in report.judged:
        same: Counter[str] = Counter()
        for one in judged.findings:
            same[one.rule.name] += 1
            identity = f"{one.rule.name}\n{judged.logical_id}\n{same[one.rule.name]}"
            yield _result(one, judged, uri, hashlib.sha256(identity.encode()).hexdigest()[:16])


def _result(one: Finding, judged: Judged, uri: str, fingerprint: str) -> dict[str, Any]:
    region = {"startLine": judged.place.line, "startColumn": judged.place.column}
    physical = {"artifactLocation": {"uri": uri, "index": 0}, "region": region}
    logical = [{"name": judged.alarm, "fullyQualifiedName": f"Resources/{judged.logical_id}", "kind": "resource"}]
    result = {
        "ruleId": one.rule.name,
        "ruleIndex": _ORDER.index(one.rule.name),
        "level": one.rule.level,
        "message": {"text": f"{judged.alarm}: {one.sentence}"},
        "locations": [{"physicalLocation": physical, "logicalLocations": logical}],
        # Of all fingerprints GitHub reads this one only; it stays when the line moves.
        "partialFingerprints": {"primaryLocationLineHash": f"{fingerprint}:1"},
    }
    if one.accepted is None:
        return result
    kind = "external" if one.accepted.startswith("allowed by") else "inSource"
    return {**result, "suppressions": [{"kind": kind, "justification": one.accepted}]}
