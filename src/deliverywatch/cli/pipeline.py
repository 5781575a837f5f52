"""`deliverywatch pipeline publish`, `diagnose` and `validate`: the pipeline system's functions, by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from deliverywatch.errors import InputError


@click.group()
def pipeline() -> None:
    """Look at runs of Step Functions, Glue and dbt, and at the data they leave."""


@pipeline.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, required=True, help="Print the metrics; nothing is emitted.")
@click.option("--environment", default="prod", show_default=True, help="Dimension of the metrics.")
@click.option("--pipeline", "name", default="", help="Likewise.  [default: the state machine's name]")
def publish(*, file: Path, dry_run: bool, environment: str, name: str) -> None:  # noqa: ARG001 - it must be given
    """Print the metrics that would be emitted for FILE, as JSON.

    FILE is a Step Functions event or execution, a Glue job run, or dbt's run_results.json (versions 4 to 6). In AWS
    the function pipeline-publish emits them at the end of every run; by hand there is only this dry run, because an
    execution is counted once.

    \b
    JSON: {"kind": "dbt", "metrics": [{"name": "DbtTestsFailed", "value": 1,
             "unit": "Count", "dimensions": {"Pipeline": "sf_user", ...}}],
           "unknown": {"a status no rule covers": 1}, "notes": []}
    """  # noqa: D301 - click wants the control character
    # Imported here: `--help` does without.
    from deliverywatch.pipeline.preview import preview

    found = preview(read_json(file), environment, name)
    click.echo(json.dumps(found, ensure_ascii=False, indent=1))


def read_json(file: Path) -> Any:
    """Return what a JSON file holds.

    Raises:
        InputError: There is no such file, or it is no JSON.
    """
    try:
        return json.loads(file.read_bytes())
    except FileNotFoundError as error:
        raise InputError(f"There is no file {file}.", next_step="Name one that exists.") from error
    except ValueError as error:
        raise InputError(f"{file} is not JSON.", next_step="Give the file as AWS or dbt wrote it.") from error
