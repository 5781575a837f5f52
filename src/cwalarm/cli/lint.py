"""`cwalarm lint`: what is wrong with the alarms of a template, for people, for CI, and for code review."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from cwalarm.cli.terminal import (
    Exit,
    counted,
    echo,
    json_option,
    junit_option,
    one_line,
    pairs,
    print_json,
    settings_option,
    without_option,
    wrapped,
    write_bytes,
)
from cwalarm.errors import InputError

if TYPE_CHECKING:
    from cwalarm.lint.findings import Answers, Finding
    from cwalarm.lint.lint import Judged, Report


@click.command()
@click.argument("template", type=click.Path(path_type=Path))
@settings_option
@without_option
@click.option(
    "--allow", multiple=True, metavar="RULE", help="Accept what a rule finds, in all alarms; can be repeated."
)
@junit_option
@click.option(
    "--sarif", type=click.Path(path_type=Path, dir_okay=False), help="Also write SARIF 2.1.0, for code review."
)
@json_option
def lint(
    *,
    template: Path,
    settings: tuple[str, ...],
    without: tuple[str, ...],
    allow: tuple[str, ...],
    junit: Path | None,
    sarif: Path | None,
    as_json: bool,
) -> None:
    """Say what is wrong with the alarms of TEMPLATE.

    Can an alarm ever fire, can it recover, can one datapoint do it, is it
    blind when data stops? The answers come from playing data to the evaluator:
    a "yes" has a series that it has seen, a "no" is proven, and what is neither
    is not decided. Other rules look at the definition and at the template
    around it: who publishes the metric, by which dimensions, in which unit.

    \b
    Accept a finding in the Metadata of an alarm, or of the whole template:
      Metadata:
        cwalarm:
          accept:
            single-datapoint: one missed backup is bad enough

    \b
    JSON: {"template": "", "alarms": [{"alarm": "", "logical_id": "", "line": 1,
             "answers": {"can_fire": {"verdict": "yes, no or not decided",
               "why": "", "series": {"App/Errors": "0x6 4"}},
               "can_recover": {}, "one_datapoint": {}, "blind": {}},
             "findings": [{"rule": "", "level": "error, warning or note",
               "why": "", "instead": "", "page": "", "accepted": null}]}],
           "absent": [{"alarm": "", "why": ""}], "missing_parameters": [],
           "errors": 0, "warnings": 0, "notes": 0, "accepted": 0}
    Exit codes: 0 no errors and no warnings, 2 wrong usage or input, or an alarm
    lacks a parameter, 3 errors or warnings that are not accepted.
    """  # noqa: D301 - click wants the control character
    from cwalarm.definitions import documents
    from cwalarm.lint import lines, reports
    from cwalarm.lint import lint as flow

    document = documents.read(template)
    places = lines.of_resources(template.read_text(encoding="utf-8-sig"))
    report = flow.lint(document, pairs(settings), without, allow, places)
    if junit:
        write_bytes(junit, reports.junit(report, template.name))
    if sarif:
        log = reports.sarif(report, _uri(template), version("deliverywatch"))
        write_bytes(sarif, json.dumps(log, indent=1).encode())
    if as_json:
        print_json(reports.document(report, str(template)))
    else:
        _print(report, template)
    _end(report)


def _uri(template: Path) -> str:
    """Return the address by which code review knows it: relative to the folder in which the command runs, if below."""
    absolute, here = template.resolve(), Path.cwd().resolve()
    return quote(absolute.relative_to(here).as_posix()) if absolute.is_relative_to(here) else absolute.as_uri()


def _end(report: Report) -> None:
    if report.missing:
        options = " ".join(f"--set {name}=..." for name in report.missing)
        raise InputError("Alarms that need parameters were not judged.", next_step=f"Add {options} with values.")
    if any(one.counts for one in report.findings):
        raise SystemExit(Exit.CHECK_FAILED)


def _print(report: Report, template: Path) -> None:
    from cwalarm.lint.rules import Level

    for judged in report.judged:
        echo(f"{template}:{judged.place.line} {one_line(judged.alarm)}{_answered(judged)}")
        if judged.answers and judged.answers.can_fire.series:
            series = ", ".join(f"{name} {values}" for name, values in judged.answers.can_fire.series.items())
            echo(wrapped(f"raised by {one_line(series)}", "      ", "  "))
        for one in judged.findings:
            echo(_paragraph(one))
    for absent in report.absent:
        echo(wrapped(f"{one_line(absent.name)} is not in the stack, because {absent.reason}. {absent.next_step}"))
    levels = ", ".join(counted(report.count(level), level.value) for level in Level)
    accepted = sum(one.accepted is not None for one in report.findings)
    echo(f"{counted(len(report.judged), 'alarm')}: {levels}, {accepted} accepted.")


def _answered(judged: Judged) -> str:
    if judged.answers is None:
        return ""
    return f": {_short(judged.answers)}"


def _short(answers: Answers) -> str:
    parts = {
        "fires": answers.can_fire,
        "recovers": answers.can_recover,
        "one datapoint": answers.one_datapoint,
        "blind without data": answers.blind,
    }
    return ", ".join(f"{name} {answer.verdict}" for name, answer in parts.items())


def _paragraph(one: Finding) -> str:
    """Return a finding in full where it counts, and in one sentence where it is good to know."""
    if one.accepted is not None:
        text = f"accepted [{one.rule.name}] {one.why} Accepted: {one.accepted}"
    else:
        text = f"{one.rule.level.value} [{one.rule.name}] {one.sentence if one.counts else one.why}"
    return wrapped(one_line(text) + (f" {one.rule.page}" if one.counts else ""), "      ", "  ")
