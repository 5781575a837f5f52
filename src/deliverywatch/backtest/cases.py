"""Cases for alarms and a template -> for each case whether states and mails are as expected, and if not, what was.

Usable as it is from pytest: `assert not [one for one in check(cases, template) if one.difference]`.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from cwalarm.definitions.readings import require_all
from cwalarm.replay.minutes import Minutes
from cwalarm.unit_tests import case_run
from cwalarm.unit_tests import check as flow
from cwalarm.unit_tests.case_run import CaseRun
from cwalarm.unit_tests.cases import Case, ExpectedMail
from cwalarm.unit_tests.check import Result
from deliverywatch.backtest.inputs import definitions as templates
from deliverywatch.backtest.inputs.definitions import Definitions
from deliverywatch.backtest.inputs.expected import with_expected_of_case
from deliverywatch.backtest.inputs.readings import add_readings, without_readings
from deliverywatch.backtest.results.result import Mail, Span
from deliverywatch.backtest.simulate import deliver


def check(
    cases: Path, template: Path, overrides: Mapping[str, str] | None = None, without: Sequence[str] = ()
) -> list[Result]:
    """Return the results of a file of cases (see `cwalarm.unit_tests.cases`), in its order.

    Overrides of the template's parameters win over those of the cases; alarms that fit `without` are left out.

    Raises:
        InputError: A file cannot be read, or a case fits no alarm of the template.
    """
    load = templates.TemplateFile(template, without).load_readable
    return flow.check(cases, load, _difference, overrides or {}, _assumptions)


def _assumptions(case: Case, definitions: Definitions) -> list[str]:
    watched = without_readings(with_expected_of_case(case, definitions))
    return case_run.assumptions(watched, definitions.alarms, definitions.composites)


def _difference(case: Case, definitions: Definitions) -> str | None:
    defined = (*definitions.alarms, *definitions.composites)
    flow.require_defined(case, defined, definitions.absent, definitions.refused)
    if case.mails is not None:
        require_all(definitions.refused)
    watched = without_readings(with_expected_of_case(case, definitions))
    run = case_run.replay_case(watched, definitions.alarms, definitions.composites)
    add_readings(run.series, case)
    states = case_run.difference(run)
    if states is not None or case.mails is None:
        return states
    return _mails_differ(case.mails, _mails(run, definitions), run)


def _mails(run: CaseRun, definitions: Definitions) -> list[Mail]:
    taking_part = dataclasses.replace(definitions, alarms=run.alarms, composites=run.composites)
    created = None if run.case.created is None else run.case.start + run.case.created
    return deliver(taking_part, Minutes(run.series), run.changes, Span(run.case.start, run.end), "UTC", created=created)


def _mails_differ(expected: Sequence[ExpectedMail], mails: Sequence[Mail], run: CaseRun) -> str | None:
    for number, mail in enumerate(expected, 1):
        if number > len(mails):
            return f"Mail {number}: expected {_wanted(mail)}, and there was none. {_all(mails, run)}"
        if not _fits(mail, mails[number - 1], run):
            return f"Mail {number}: expected {_wanted(mail)}, was {_described(mails[number - 1], run)}."
    if len(mails) > len(expected):
        unexpected = _described(mails[len(expected)], run)
        return f"Mail {len(expected) + 1}: expected none, was {unexpected}. {_all(mails, run)}"
    return None


def _fits(expected: ExpectedMail, mail: Mail, run: CaseRun) -> bool:
    return (
        expected.at in (None, _at(mail, run))
        and expected.watch in (None, mail.watch)
        and expected.event in (None, mail.event)
        and expected.level in (None, mail.level)
    )


def _at(mail: Mail, run: CaseRun) -> timedelta:
    return mail.time - run.case.start


def _wanted(mail: ExpectedMail) -> str:
    words = [word for word in (mail.event, mail.level) if word] or ["a mail"]
    if mail.watch:
        words.append(f"of {mail.watch}")
    if mail.at is not None:
        words.append(f"at {case_run.clock(mail.at)}")
    return " ".join(words)


def _described(mail: Mail, run: CaseRun) -> str:
    return f"{mail.event} {mail.level} of {mail.watch} at {case_run.clock(_at(mail, run))}"


def _all(mails: Sequence[Mail], run: CaseRun) -> str:
    return f"All mails: {', '.join(_described(mail, run) for mail in mails) or 'none'}."
