"""What the stack tells the functions, from environment variables and the declaration in their zip."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from deliverywatch.errors import ConfigurationError
from deliverywatch.pipeline.declaration import limits_of, pipelines_of
from deliverywatch.pipeline.values import decoded, mapping

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deliverywatch.pipeline.declaration import Pipeline

# Written into the zip by cfn/build.py, made of cfn/pipelines.toml.
DECLARATION = Path(__file__).with_name("pipelines.json")


@dataclass(frozen=True, slots=True)
class Settings:
    """One deployment.

    Attributes:
        bucket: Of the lake.
        topic: ARN of the alerts topic; empty where nothing is told.
        workgroup: Of Athena.
    """

    environment: str
    bucket: str
    pipelines: tuple[Pipeline, ...]
    topic: str = ""
    workgroup: str = ""
    region: str = ""


def from_environment(environ: Mapping[str, str], declaration: Path = DECLARATION) -> Settings:
    """Return the settings of this function.

    Raises:
        ConfigurationError: A variable or the declaration is missing or cannot be used.
    """
    if not declaration.exists():
        raise ConfigurationError("The zip holds no pipelines.json.", next_step="Run `python cfn/build.py` and deploy.")
    limits = mapping(decoded(environ.get("DELIVERYWATCH_LIMITS", "{}")))
    declared = pipelines_of(json.loads(declaration.read_text()))
    return Settings(
        environment=_required(environ, "DELIVERYWATCH_ENVIRONMENT"),
        bucket=_required(environ, "DELIVERYWATCH_BUCKET"),
        pipelines=tuple(replace(one, limits=limits_of(mapping(limits.get(one.name)), one.limits)) for one in declared),
        topic=environ.get("DELIVERYWATCH_ALERTS_TOPIC", ""),
        workgroup=environ.get("DELIVERYWATCH_WORKGROUP", ""),
        region=environ.get("AWS_REGION", ""),
    )


def _required(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "").strip()
    if not value:
        raise ConfigurationError(f"The environment variable {name} is missing or empty.")
    return value
