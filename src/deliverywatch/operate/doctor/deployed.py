"""A stack's template, its parameters and the names of its resources -> each resource as it was deployed.

And the comparison with what it is now. CloudFormation's own drift detection looks at less: neither at what the template
leaves out, such as a reserved concurrency of 0, nor at every kind of resource; and it reports changes where there are
none (github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1072).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cwalarm.definitions.template import Resolver

if TYPE_CHECKING:
    from deliverywatch.operate.account.resources import Resource

_ATTRIBUTE = re.compile(r"\$\{(\w+)\.(\w+)\}")
# What somebody adds to these is a change as well: elsewhere AWS adds its own defaults.
_WHOLE = {"Variables", "PolicyDocument", "AssumeRolePolicyDocument", "Policies", "Rules", "Metrics"}
_LONGEST = 60
# An attribute that AWS chose and no name says, such as the address of a function URL: it is not compared.
_UNKNOWN = "(unknown)"
_REFERRED = re.compile(r'"Ref": "([A-Za-z0-9]+__[A-Za-z0-9.]+)"')


@dataclass(frozen=True, slots=True)
class Difference:
    """One property that is not as it was deployed."""

    path: str
    now: Any
    then: Any

    @property
    def words(self) -> str:
        """What it is now, and what it was."""
        return f"{self.path} is {shortened(self.now)}, deployed was {shortened(self.then)}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stack lies."""

    partition: str
    region: str
    account: str
    stack: str

    def arn(self, kind: str, name: str) -> str:
        """Return the ARN of a resource of a kind by its name in the account, of a queue by its address."""
        if name.startswith("arn:"):
            return name
        service, label, is_regional = _ARNS.get(kind, (kind.split("::")[1].lower(), "", True))
        account = "" if service == "s3" else self.account
        called = {"sqs": name.rpartition("/")[2], "logs": f"{name}:*"}.get(service, name)
        return f"arn:{self.partition}:{service}:{self.region if is_regional else ''}:{account}:{label}{called}"


_ARNS = {
    "AWS::IAM::Role": ("iam", "role/", False),
    "AWS::S3::Bucket": ("s3", "", False),
    "AWS::SQS::Queue": ("sqs", "", True),
    "AWS::Lambda::Function": ("lambda", "function:", True),
    "AWS::Logs::LogGroup": ("logs", "log-group:", True),
    "AWS::DynamoDB::Table": ("dynamodb", "table/", True),
    "AWS::Events::Rule": ("events", "rule/", True),
    "AWS::KinesisFirehose::DeliveryStream": ("firehose", "deliverystream/", True),
    "AWS::CloudWatch::Alarm": ("cloudwatch", "alarm:", True),
    "AWS::Scheduler::ScheduleGroup": ("scheduler", "schedule-group/", True),
    "AWS::StepFunctions::StateMachine": ("states", "stateMachine:", True),
}


def properties(
    template: Mapping[str, Any], parameters: Mapping[str, str], resources: Sequence[Resource], place: Place
) -> Iterator[tuple[Resource, dict[str, Any]]]:
    """Yield each resource of a stack with its properties, every function in them resolved by what is in the account."""
    names = {resource.id: resource.name for resource in resources}
    kinds = {resource.id: resource.kind for resource in resources}
    arns = {f"{id_}__Arn": place.arn(kinds[id_], name) for id_, name in names.items()}
    queues = {f"{id_}__QueueName": name.rpartition("/")[2] for id_, name in names.items()}
    by_name = _by_name(template, template["Resources"])
    chosen_by_aws = dict.fromkeys(_REFERRED.findall(json.dumps(by_name)), _UNKNOWN)
    known = {**chosen_by_aws, **names, **arns, **queues}
    declared = {**template["Parameters"], **{name: {"Type": "String"} for name in known}}
    pseudo = {
        "AWS::Partition": place.partition,
        "AWS::Region": place.region,
        "AWS::AccountId": place.account,
        "AWS::StackName": place.stack,
    }
    given = {name: value for name, value in parameters.items() if name in template["Parameters"]}
    resolver = Resolver({**by_name, "Parameters": declared}, {**given, **known, **pseudo})
    for resource in resources:
        if resource.id in template["Resources"]:
            yield resource, resolver.properties(resource.id)


def _by_name(value: Any, resources: Mapping[str, Any]) -> Any:
    """Return a template in which attributes of resources are parameters, `X.Arn` being `X__Arn`.

    The value of a parameter in SSM is what the template puts there.
    """
    if isinstance(value, list):
        return [_by_name(item, resources) for item in value]
    if isinstance(value, str):
        return _ATTRIBUTE.sub(r"${\1__\2}", value)
    if not isinstance(value, dict):
        return value
    if named := value.get("Fn::GetAtt") or _attribute(value.get("Fn::Sub")):
        id_, attribute = named
        made = resources.get(id_, {})
        if (made.get("Type"), attribute) == ("AWS::SSM::Parameter", "Value"):
            return _by_name(made["Properties"]["Value"], resources)
        return {"Ref": f"{id_}__{attribute}"}
    return {key: _by_name(item, resources) for key, item in value.items()}


def _attribute(text: Any) -> tuple[str, ...]:
    """Return resource and attribute of a text that is nothing else; empty of any other."""
    whole = _ATTRIBUTE.fullmatch(text) if isinstance(text, str) else None
    return whole.groups() if whole else ()


def changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Difference]:
    """Yield what is not as it was deployed; `now` has a value for each path that is compared, such as `Code.S3Key`."""
    for path, value in now.items():
        place: Any = then
        for key in path.split("."):
            place = place.get(key) if isinstance(place, dict) else None
        yield from differences(place, value, path)


def differences(then: Any, now: Any, path: str, *, is_whole: bool = False) -> Iterator[Difference]:
    """Yield where two values differ; of what AWS adds by itself nothing is said."""
    then, now = _plain(then), _plain(now)
    if isinstance(then, str) and _UNKNOWN in then:
        return
    if isinstance(then, dict) and isinstance(now, dict):
        is_whole = is_whole or path.rpartition(".")[2] in _WHOLE
        for key in dict.fromkeys([*then, *(now if is_whole else ())]):
            yield from differences(then.get(key), now.get(key), f"{path}.{key}", is_whole=is_whole)
    elif isinstance(then, list) and isinstance(now, list):
        if not _same_items(then, now, is_whole=is_whole or path.rpartition(".")[2] in _WHOLE):
            yield Difference(path, now, then)
    elif _text(then) != _text(now):
        yield Difference(path, now, then)


def _same_items(then: list[Any], now: list[Any], *, is_whole: bool) -> bool:
    """Return whether two lists hold the same in any order."""
    # Those that are equal first: else one that says little could take the place of any other.
    lost, added = _unmatched(then, now, is_whole=True)
    if not is_whole:
        lost, added = _unmatched(lost, added, is_whole=False)
    return not lost and not added


def _unmatched(then: list[Any], now: list[Any], *, is_whole: bool) -> tuple[list[Any], list[Any]]:
    """Return the items of both lists that have no twin in the other."""
    lost, left = [], list(now)
    for item in then:
        same = (index for index, other in enumerate(left) if not any(differences(item, other, "-", is_whole=is_whole)))
        twin = next(same, None)
        if twin is None:
            lost.append(item)
        else:
            left.pop(twin)
    return lost, left


def _plain(value: Any) -> Any:
    """Return JSON in a text as what it says, and a list of one as its item: AWS stores policies so."""
    if isinstance(value, str) and value[:1] in "{[":
        try:
            return _plain(json.loads(value))
        except ValueError:
            return value
    if isinstance(value, list) and len(value) == 1 and not isinstance(value[0], dict | list):
        return value[0]
    return value


def _text(value: Any) -> str:
    if value in (None, "", [], {}) or (isinstance(value, dict) and not any(map(_text, value.values()))):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def shortened(value: Any) -> str:
    """Return a value as a sentence shows it."""
    text = json.dumps(value, default=str) if isinstance(value, dict | list) else _text(value)
    return (text[: _LONGEST - 3] + "..." if len(text) > _LONGEST else text) or "nothing"
