"""A file that is named on the command line -> the state machines in it, or one sentence on why there are none."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deliverywatch.cli.terminal.input_files import read_bytes
from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from deliverywatch.pipeline.lint.machines import Machine

_GIVE = "Give a definition, or a CloudFormation, SAM or CDK template with one, as JSON or YAML."


@dataclass(frozen=True, slots=True)
class Read:
    """The machines of a file, and the names of those whose definitions are not at hand."""

    machines: tuple["Machine", ...]
    missing: tuple[str, ...] = ()


def read_machines(file: Path) -> Read:
    """Return the state machines of a file, those too whose definitions a template names beside it."""
    from deliverywatch.pipeline.lint.machines import machines_of

    machines = [_beside(file, machine) for machine in machines_of(_decoded(file))]
    at_hand = tuple(machine for machine in machines if machine.definition.get("States"))
    missing = tuple(machine.name for machine in machines if machine not in at_hand)
    if not machines:
        raise InputError(f"{file} holds no state machine: it has no States.", next_step=_GIVE)
    if not at_hand:
        names = ", ".join(missing)
        raise InputError(f"{file} does not hold the definition of {names}.", next_step="Give the file that holds it.")
    return Read(at_hand, missing)


def _beside(file: Path, machine: "Machine") -> "Machine":
    from deliverywatch.pipeline.lint.machines import substituted

    path = file.parent / machine.file
    is_beside = machine.file and not machine.definition and path.resolve().is_relative_to(file.parent.resolve())
    if not is_beside or not path.is_file():
        return machine
    definition = substituted(_decoded(path), machine.substitutions)
    return machine._replace(definition=definition if isinstance(definition, dict) else {})


def _decoded(file: Path) -> Any:
    words = read_bytes(file, _GIVE).decode("utf-8-sig", "replace")
    try:
        return json.loads(words) if words.lstrip().startswith(("{", "[")) else _of_yaml(words)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file} is neither JSON nor YAML: {error}.", next_step=_GIVE) from error


def _of_yaml(words: str) -> Any:
    from cwalarm.definitions import yaml_events  # only YAML files need PyYAML

    return yaml_events.value_of(words)
