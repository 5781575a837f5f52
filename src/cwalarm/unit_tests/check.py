"""A file of cases and a template -> for each case whether all is as expected, and if not, what was.

Usable as it is from pytest: `assert not [one for one in check_states(cases, template) if one.difference]`.
"""

import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cwalarm.definitions import documents, inventory
from cwalarm.definitions.absence import Absent
from cwalarm.definitions.alarm import AnyAlarm
from cwalarm.definitions.inventory import Inventory
from cwalarm.definitions.readings import Refused
from cwalarm.errors import InputError
from cwalarm.junit import encoded
from cwalarm.unit_tests import case_run
from cwalarm.unit_tests import cases as files
from cwalarm.unit_tests.cases import Case

_Loaded = TypeVar("_Loaded")


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a case; `difference` is the first thing that is not as expected, None if all is.

    `assumptions` name what that rests on and neither the case nor the template says, one sentence each.
    """

    name: str
    difference: str | None
    seconds: float = 0.0
    assumptions: tuple[str, ...] = ()


def check_states(
    cases: Path, template: Path, overrides: Mapping[str, str] | None = None, without: Sequence[str] = ()
) -> list[Result]:
    """Return the results of a file of cases (see `cwalarm.unit_tests.cases`), in its order; they expect states only.

    Overrides of the template's parameters win over those of the cases; alarms that fit `without` are left out.

    Raises:
        InputError: A file cannot be read, a case fits no alarm of the template, or it expects mails.
    """
    document = documents.read(template)

    def load(parameters: Mapping[str, str]) -> Inventory:
        loaded = inventory.read(document, parameters, without)
        loaded.require_some(template.name)
        return loaded

    return check(cases, load, _difference, overrides or {}, _assumptions)


def _assumptions(case: Case, loaded: Inventory) -> Sequence[str]:
    return case_run.assumptions(case, loaded.alarms, loaded.composites)


def _difference(case: Case, loaded: Inventory) -> str | None:
    if case.mails is not None:
        raise InputError("it expects mails.", next_step="Leave `mails` out: alarms have states, and know no mails.")
    require_defined(case, loaded.defined, loaded.absent, loaded.refused)
    return case_run.difference(case_run.replay_case(case, loaded.alarms, loaded.composites))


def require_defined(
    case: Case, defined: Iterable[AnyAlarm], absent: Sequence[Absent], refused: Sequence[Refused]
) -> None:
    """Raise InputError if a case expects a state of an alarm that the stack does not have, or that cannot be read."""
    names = {alarm.name for alarm in defined}
    others: list[Absent | Refused] = [*absent, *refused]
    for expected in case.states:
        for item in others:
            if item.name not in names and (item.name == expected.alarm or item.name.endswith(f"-{expected.alarm}")):
                raise item.error


def check(
    cases: Path,
    load: Callable[[Mapping[str, str]], _Loaded],
    difference: Callable[[Case, _Loaded], str | None],
    overrides: Mapping[str, str],
    assumptions: Callable[[Case, _Loaded], Sequence[str]] = lambda _case, _loaded: (),
) -> list[Result]:
    """Return the results of a file of cases, in its order.

    `load` is called once for each set of parameters that cases have, with the overrides in it; `difference` returns
    the first thing that is not as a case expects, and `assumptions` what that rests on. Raises InputError as they do,
    with the name of the case.
    """
    loaded: dict[tuple[tuple[str, str], ...], _Loaded] = {}
    results = []
    for case in _read(cases):
        parameters = tuple(sorted({**dict(case.parameters), **overrides}.items()))
        if parameters not in loaded:
            loaded[parameters] = load(dict(parameters))
        began = time.perf_counter()
        try:
            first = difference(case, loaded[parameters])
            sentences = tuple(assumptions(case, loaded[parameters]))
        except InputError as error:
            raise InputError(f'Case "{case.name}": {error}', next_step=error.next_step) from error
        results.append(Result(case.name, first, time.perf_counter() - began, sentences))
    return results


def _read(cases: Path) -> list[Case]:
    try:
        text = cases.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{cases} cannot be read: {why}.", next_step="Name a file of cases in TOML.") from error
    return files.parse(text, cases.name)


def junit(results: Sequence[Result], suite: str) -> bytes:
    """Return the results of a file of cases as JUnit's XML, which CI systems read."""
    failed = sum(result.difference is not None for result in results)
    seconds = f"{sum(result.seconds for result in results):.3f}"
    top = ET.Element("testsuites", tests=str(len(results)), failures=str(failed), time=seconds)
    group = ET.SubElement(top, "testsuite", name=suite, tests=str(len(results)), failures=str(failed), time=seconds)
    for result in results:
        case = ET.SubElement(group, "testcase", name=result.name, classname=suite, time=f"{result.seconds:.3f}")
        if result.difference is not None:
            ET.SubElement(case, "failure", message=result.difference).text = result.difference
    return encoded(top)
