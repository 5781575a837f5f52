"""The systems' stacks -> one CloudFormation template.

Each module returns a `blocks.stack.Stack`; `shared` and `alerting` are in every template, systems by choice. Read `sms`
first.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from troposphere import Output, Template
from troposphere.cloudwatch import Dashboard

from blocks.parts import function
from deliverywatch.errors import ConfigurationError
from deliverywatch.messages.console import DOMAINS
from stacks import alerting, email, files, pipeline, queries, shared, sms

if TYPE_CHECKING:
    from blocks.extras import Extra
    from blocks.stack import Stack

SYSTEMS = {
    "sms": sms.stack,
    "email": email.stack,
    "files": files.stack,
    "files-pusher": files.stack_with_pusher,
    "queries": queries.stack,
    "pipeline": pipeline.stack,
}
# Findings of `alarms lint` that are meant in every alarm.
_ACCEPTED = {
    "single-datapoint": "A datapoint is a window of sums or a whole run: it is evidence, and no outlier.",
    "silent-without-data": "No data proves nothing, so the state holds; that a publisher stopped is what the alarms on "
    "runs, starts and events are for, which publish always.",
}

# Two ways of one system: S3 fills the queue itself, or the pusher does.
_ALTERNATIVES = ("files", "files-pusher")


def chosen(systems: Sequence[str], extras: Collection[Extra] = ()) -> list[Stack]:
    """Return the stacks of these systems with these extras, after those that all of them need.

    Raises ConfigurationError if two of them are ways of the same system.
    """
    if set(_ALTERNATIVES) <= set(systems):
        raise ConfigurationError(
            f"--systems names {' and '.join(_ALTERNATIVES)}, which are two ways of the same system.",
            next_step="Name one of them.",
        )
    built = [SYSTEMS[system](extras) for system in systems]
    made = [resource for stack in built for resource in stack.resources]
    # The one that mails lead to; the first system's.
    dashboard = next((one.DashboardName for one in made if isinstance(one, Dashboard)), None)
    watches = [watch for stack in built for watch in stack.watches]
    return [shared.stack(), alerting.stack(watches, dashboard, extras), *built]


def watches(stacks: Sequence[Stack]) -> dict[str, Any]:
    """Return the notifier's configuration: the severity of each alarm in its watch."""
    return {"watches": [watch.document() for stack in stacks for watch in stack.watches]}


def template(stacks: Sequence[Stack], architecture: str, version: str, extras: Collection[Extra] = ()) -> Any:
    """Return the template of these stacks, whose functions run on `arm64` or `x86_64`; its outputs show the version."""
    made = Template(Description="DeliveryWatch: tells support when messages stop arriving, before customers do")
    made.set_version("2010-09-09")
    # W3002: "code paths work only with `package`", which is how this template is meant.
    lint = {"config": {"ignore_checks": ["W3002"]}}
    # `status` and `operate-doctor` read the watches where they are deployed: the notifier's copy is in its zip.
    own = {"Version": version, "Watches": json.dumps(watches(stacks)["watches"], separators=(",", ":"))}
    made.set_metadata({"DeliveryWatch": own, "cfn-lint": lint, "cwalarm": {"accept": _ACCEPTED}})
    made.add_output(Output("Version", Description="Version of DeliveryWatch", Value=version))
    made.add_mapping("Consoles", {partition: {"Host": host} for partition, host in DOMAINS.items()})
    for stack in stacks:
        _add_parameters(made, stack)
        _add_resources(made, stack, architecture, extras)
        for name, (description, value) in stack.outputs.items():
            made.add_output(Output(name, Description=description, Value=value))
    return made


def _add_parameters(made: Any, stack: Stack) -> None:
    for group, members in stack.parameters.items():
        for parameter in members:
            made.add_parameter(parameter.definition)
            made.add_parameter_to_group(parameter.definition, group)
            made.set_parameter_label(parameter.definition, parameter.label)
    for name, rule in stack.rules.items():
        made.add_rule(name, rule)
    for name, mapping in stack.mappings.items():
        made.add_mapping(name, mapping)
    for name, condition in stack.conditions.items():
        made.add_condition(name, condition)


def _add_resources(made: Any, stack: Stack, architecture: str, extras: Collection[Extra]) -> None:
    for spec in stack.functions:
        made.add_resource(function(spec, architecture))
    made.add_resource(list(stack.resources))
    made.add_resource([resource for watch in stack.watches for resource in watch.resources(extras)])
