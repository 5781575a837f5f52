"""A stack as CloudFormation describes it -> the deployment that an operator's verb works on.

Format: docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Stack.html.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from deliverywatch.errors import CloudRefused
from deliverywatch.operate.account.stack_status import is_unfinished

DEFAULT_STACK = "deliverywatch-prod"
_PREFIX = "deliverywatch-"


@dataclass(frozen=True, slots=True)
class Deployment:
    """One stack of DeliveryWatch in one account and region; `version` is that which built its template."""

    name: str
    environment: str
    region: str
    account: str
    status: str
    version: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    made_at: datetime | None = None

    @property
    def prefix(self) -> str:
        """What all names of the stack begin with, those of alarms and functions too."""
        return f"deliverywatch-{self.environment}"

    @property
    def credentials(self) -> str:
        """The path of the SSM parameters with the ClickSend credentials; empty if it reads no SMS."""
        return credentials_path(self.parameters)

    @property
    def bucket(self) -> str:
        """The lake's bucket."""
        return self.output("LakeBucket")

    def output(self, name: str) -> str:
        """Return an output."""
        if name not in self.outputs:
            raise CloudRefused(
                f"The stack {self.name} has no output {name}: it is in status {self.status}, "
                f"of version {self.version or 'unknown'}.",
                kind="no-output",
                next_step="Run 'deliverywatch deploy', which brings it to this version.",
            )
        return self.outputs[name]


def from_description(stack: Mapping[str, Any]) -> Deployment:
    """Return the deployment that one stack of a DescribeStacks answer is."""
    parameters = {
        parameter["ParameterKey"]: parameter.get("ParameterValue", "") for parameter in stack.get("Parameters", ())
    }
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}
    name = stack["StackName"]
    if "Environment" not in parameters:
        raise CloudRefused(
            f"The stack {name} is not one of DeliveryWatch: it has no parameter Environment.",
            kind="foreign-stack",
            next_step="Name the stack with --stack; 'aws cloudformation list-stacks' shows those of the account.",
        )
    # arn:aws:cloudformation:<region>:<account>:stack/<name>/<id>
    region, account = stack["StackId"].split(":")[3:5]
    return Deployment(
        name=name,
        environment=parameters["Environment"],
        region=region,
        account=account,
        status=stack["StackStatus"],
        version=outputs.get("Version", ""),
        parameters=parameters,
        outputs=outputs,
        made_at=stack.get("CreationTime"),
    )


def environment_of(stack: str) -> str:
    """Return the environment that a stack of this name is by default, so that two never share their names."""
    return stack.removeprefix(_PREFIX) if stack.startswith(_PREFIX) else ""


def credentials_path(parameters: Mapping[str, str]) -> str:
    """Return the path of the SSM parameters with the ClickSend credentials, by default that of the environment."""
    if "ClickSendCredentials" not in parameters:
        return ""
    return parameters["ClickSendCredentials"] or f"/deliverywatch/{parameters['Environment']}/clicksend"


def secret_names(parameters: Mapping[str, str]) -> list[str]:
    """Return the SSM parameters that parameters of the stack such as LinkKeyParameter name; each is off while empty."""
    return [value for name, value in parameters.items() if name.endswith("Parameter") and value]


def check_finished(stack: Mapping[str, Any]) -> None:
    """Raise CloudRefused for a stack of a DescribeStacks answer that was never deployed as a whole."""
    name, status = stack["StackName"], stack["StackStatus"]
    if not is_unfinished(status):
        return
    named = "" if name == DEFAULT_STACK else f" --stack {name}"
    raise CloudRefused(
        f"The stack {name} was never deployed as a whole: it is in status {status}.",
        kind="unfinished-stack",
        next_step=f"Run 'deliverywatch deploy{named}', which waits for it or makes it anew.",
    )


def missing(name: str, region: str) -> CloudRefused:
    """Return the error that says that there is no such stack in a region."""
    named = "" if name == DEFAULT_STACK else f" --stack {name}"
    return CloudRefused(
        f"There is no stack {name} in {region}.",
        kind="no-stack",
        next_step=f"Make it with 'deliverywatch deploy{named}', or name another with --stack, --region or --profile.",
    )
