"""The deployed functions of scheduled queries -> their settings, and an answer of the executor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from deliverywatch.errors import CloudRefused
from deliverywatch.operate.account.aws import invoke, translated

if TYPE_CHECKING:
    from deliverywatch.operate.account.aws import Cloud
    from deliverywatch.operate.account.deployment import Deployment


def environment(cloud: Cloud, deployment: Deployment) -> dict[str, str]:
    """Return the reconciler's environment variables: whoever plans with them plans as it does."""
    name = _function(deployment, "QueriesReconciler")
    with translated(f"The function {name}"):
        configuration = cloud.client("lambda").get_function_configuration(FunctionName=name)
        return {str(key): str(value) for key, value in configuration["Environment"]["Variables"].items()}


def execute(cloud: Cloud, deployment: Deployment, event: Mapping[str, Any]) -> dict[str, Any]:
    """Start the executor, wait for it, and return what it did."""
    name = _function(deployment, "QueriesExecutor")
    returned, problem = invoke(cloud, name, event)
    if problem:
        raise CloudRefused(
            f"The executor failed: {problem}.",
            kind="function",
            next_step=f"Read its log: aws logs tail /aws/lambda/{name} --since 10m",
        )
    return dict(returned or {})


def _function(deployment: Deployment, output: str) -> str:
    if output not in deployment.outputs:
        raise CloudRefused(
            f"The stack {deployment.name} has no scheduled queries.",
            kind="no-queries",
            next_step="Build with --systems sms,queries and deploy again.",
        )
    return deployment.output(output)
