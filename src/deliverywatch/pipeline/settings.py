"""What the stack passes to the functions: environment variables, and the declaration in their zip."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from deliverywatch.environment import required
from deliverywatch.errors import ConfigurationError
from deliverywatch.messages.untrusted import mapping
from deliverywatch.pipeline.declaration.pipelines import Pipeline, limits_of, pipelines_of
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
    document = tomllib.loads(declaration.read_text(encoding="utf-8"))
    limits = mapping(decoded(environ.get("DELIVERYWATCH_LIMITS", "{}")))
    declared = pipelines_of(document)
    return Settings(
        environment=required(environ, "DELIVERYWATCH_ENVIRONMENT"),
        bucket=required(environ, "DELIVERYWATCH_BUCKET"),
        pipelines=tuple(replace(one, limits=limits_of(mapping(limits.get(one.name)), one.limits)) for one in declared),
        topic=environ.get("DELIVERYWATCH_ALERTS_TOPIC", ""),
        workgroup=environ.get("DELIVERYWATCH_WORKGROUP", ""),
        document=document,
    )
