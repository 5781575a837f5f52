"""What the stack passes to the functions: environment variables, and the declaration in their zip."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from deliverywatch.environment import required
from deliverywatch.errors import ConfigurationError
from deliverywatch.messages.untrusted import mapping, number
from deliverywatch.pipeline.declaration.limits import limits_of
from deliverywatch.pipeline.declaration.pipelines import Pipeline, pipelines_of
from deliverywatch.pipeline.declaration.source import Source, in_environment
from deliverywatch.pipeline.declaration.table import Table, raise_mistakes
from deliverywatch.pipeline.declaration.values import decoded
from deliverywatch.pipeline.diagnosis.faults import Catalogue, shipped

# A copy of cfn/pipelines.toml, which the build puts into the zip.
DECLARATION = Path(__file__).with_name("pipelines.toml")


@dataclass(frozen=True, slots=True)
class Settings:
    """One deployment: the lake's bucket, the alerts topic's ARN (empty where nothing is published), the declaration."""

    environment: str
    bucket: str
    pipelines: tuple[Pipeline, ...]
    topic: str = ""
    workgroup: str = ""
    document: Mapping[str, Any] = field(default_factory=dict)

    def catalogue(self) -> Catalogue:
        """Return the catalogue of faults, with the rules that the team declares."""
        return shipped().with_rules(self.document)


def from_environment(environ: Mapping[str, str], declaration: Path = DECLARATION) -> Settings:
    """Return the settings of this function; raise ConfigurationError if a variable or the declaration is unusable."""
    if not declaration.exists():
        raise ConfigurationError("The zip holds no pipelines.toml.", next_step="Run `python cfn/build.py` and deploy.")
    environment = required(environ, "DELIVERYWATCH_ENVIRONMENT")
    document = in_environment(tomllib.loads(declaration.read_text(encoding="utf-8-sig")), environment)
    declared = pipelines_of(document)
    return Settings(
        environment=environment,
        bucket=required(environ, "DELIVERYWATCH_BUCKET"),
        pipelines=_with_parameters(declared, environ.get("DELIVERYWATCH_LIMITS", "{}")),
        topic=environ.get("DELIVERYWATCH_ALERTS_TOPIC", ""),
        workgroup=environ.get("DELIVERYWATCH_WORKGROUP", ""),
        document=document,
    )


def _with_parameters(pipelines: Sequence[Pipeline], text: str) -> tuple[Pipeline, ...]:
    """Return pipelines with the limits of the stack's parameters, which are texts there, in place of the declared."""
    limits, file = decoded(text), "DELIVERYWATCH_LIMITS"
    if not isinstance(limits, dict):
        raise ConfigurationError(f"{file} is no JSON object.", next_step="Build again and deploy.")
    made = []
    for pipeline in pipelines:
        body = {name: number(value) for name, value in mapping(limits.get(pipeline.name)).items()}
        table = Table(body, (pipeline.name,))
        made.append(replace(pipeline, limits=limits_of(table, pipeline.limits)))
        raise_mistakes(table.mistakes, Source(file))
    return tuple(made)
