"""One system: what its stack module returns and `stacks.template` puts into the template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from troposphere import Sub

from blocks.parts import CONSOLE, CONSOLE_OF, PREFIX

if TYPE_CHECKING:
    from blocks.alarms import Watch
    from blocks.parameters import Parameter
    from blocks.parts import Function


@dataclass(frozen=True, slots=True)
class Stack:
    """What one system adds to the template, and what the build makes beside it.

    Attributes:
        resources: Beside its functions and the alarms of its watches.
        parameters: By the heading under which the console shows them.
        mappings: For CloudFormation to look up, such as seconds by minutes.
        outputs: Name -> description and value.
    """

    resources: Sequence[Any]
    parameters: Mapping[str, Sequence[Parameter]] = field(default_factory=dict)
    rules: Mapping[str, Any] = field(default_factory=dict)
    conditions: Mapping[str, Any] = field(default_factory=dict)
    mappings: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    outputs: Mapping[str, tuple[str, Any]] = field(default_factory=dict)
    functions: Sequence[Function] = ()
    watches: Sequence[Watch] = ()


def dashboard_url(system: str, description: str) -> tuple[str, Any]:
    """Return the output that leads to a system's dashboard."""
    address = f"{CONSOLE}/cloudwatch/home?region=${{AWS::Region}}#dashboards/dashboard/{PREFIX}-{system}"
    return description, Sub(address, **CONSOLE_OF)
