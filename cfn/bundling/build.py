"""What `python cfn/build.py` does: empties build/, writes the zip of every function, then the template that names them.

build/template.json        for `aws cloudformation package`
build/<function>.zip       its code, with the locked packages that it needs
build/watches.json         how the notifier is configured; a copy is in its zip
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Collection, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import stacks
from blocks.extras import SENTENCES, Extra
from bundling import bundle, packages, texts, trim
from checks import firehose_rules, lint
from cwalarm.cli.terminal import INTERRUPTED, echo, next_step_of
from deliverywatch.errors import ConfigurationError, DeliveryWatchError

if TYPE_CHECKING:
    from blocks.parts import Function

ROOT = Path(__file__).parents[2]
# Functions whose zip holds a generated file beside its code.
_WATCHES = {
    "alerting-notify": "deliverywatch/alerting/watches.json",
    "operate-acknowledge": "deliverywatch/operate/watches.json",
}
_NO_PIPELINE = (
    "cfn/pipelines.toml declares no pipeline yet, so the template has nothing of that system. Declare yours there and "
    "build again; --with example-pipeline builds the example."
)
# What CloudFormation takes at most (AWSCloudFormation/latest/UserGuide/cloudformation-limits.html).
_TEMPLATE_LIMIT_BYTES = 1_000_000
_RESOURCE_LIMIT_COUNT = 500


def build(systems: Sequence[str], bundled: str, out: Path, extras: Collection[Extra] = ()) -> dict[Path, str]:
    """Build everything, then empty a folder and write it there; a build that fails leaves the folder as it was.

    `bundled` is the architecture to ship third-party packages for, or `none`. Returned is what was written, each with
    its size in words, the template last. Raises ConfigurationError if the folder holds something else, a package cannot
    be had, or AWS would refuse the template or a zip.
    """
    _check_is_ours(out)
    chosen = stacks.chosen(systems, extras)
    watches = _json(stacks.watches(chosen))
    functions = [spec for stack in chosen for spec in stack.functions]
    made = {f"{spec.name}.zip": _zip(spec, bundled, watches) for spec in functions}
    architecture = "arm64" if bundled == "none" else bundled
    template = stacks.template(chosen, architecture, version("deliverywatch"), extras).to_dict()
    firehose_rules.check(template)
    lint.check(template)
    documents = {"watches.json": watches, "template.json": _json(texts.shortened(template))}
    _check_size(len(documents["template.json"]), len(template["Resources"]))
    shutil.rmtree(out, ignore_errors=True)
    bundle.unpack({**{name: package.content for name, package in made.items()}, **documents}, out)
    sizes = {name: package.sizes() for name, package in made.items()}
    sizes |= {name: f"{len(content) / 2**20:6.2f} MB" for name, content in documents.items()}
    return {out / name: size for name, size in sizes.items()}


def _check_size(size_bytes: int, resource_count: int) -> None:
    if size_bytes > _TEMPLATE_LIMIT_BYTES or resource_count > _RESOURCE_LIMIT_COUNT:
        raise ConfigurationError(
            f"The template has {resource_count} resources in {size_bytes:,} bytes; CloudFormation takes "
            f"{_RESOURCE_LIMIT_COUNT} in {_TEMPLATE_LIMIT_BYTES:,}.",
            next_step="Build fewer systems with --systems, and deploy the others as a stack of their own.",
        )


def _check_is_ours(out: Path) -> None:
    # A wrong --out must not cost anybody a folder: only one that a build made, or an empty one, is emptied.
    if out.exists() and any(out.iterdir()) and not (out / "template.json").exists():
        raise ConfigurationError(
            f"{out} holds something that no build wrote; it is left as it is.",
            next_step="Name an empty folder with --out, or empty this one yourself.",
        )


def _zip(spec: Function, bundled: str, watches: bytes) -> bundle.Package:
    files = bundle.first_party(ROOT / "src", spec.module)
    files.update({name: (ROOT / path).read_bytes() for name, path in spec.files.items()})
    if spec.name in _WATCHES:
        files[_WATCHES[spec.name]] = watches
    return bundle.zipped(spec, files if bundled == "none" else with_packages(spec, files, bundled))


def with_packages(spec: Function, files: dict[str, bytes], architecture: str) -> dict[str, bytes]:
    """Return the files of a function with the locked packages it needs, compiled where Lambda's Python is at hand."""
    with tempfile.TemporaryDirectory() as folder:
        requirements, target = Path(folder) / "requirements.txt", Path(folder) / "zip"
        names = packages.closure(spec.packages, architecture)
        requirements.write_text(
            packages.locked((ROOT / "requirements.lock").read_text(encoding="utf-8"), names), encoding="utf-8"
        )
        packages.install(requirements, architecture, target)
        trim.trim(target)
        bundle.unpack(files, target)
        if python := packages.lambda_python():
            packages.compile_bytecode(target, python)
        return bundle.folder(target)


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=1, sort_keys=True) + "\n").encode()


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--systems",
    default="sms",
    show_default=True,
    help=f"What to watch, separated by commas: {', '.join(stacks.SYSTEMS)}.",
)
@click.option(
    "--with",
    "extras",
    type=click.Choice([extra.value for extra in Extra]),
    multiple=True,
    help=f"What is left out unless you ask for it, as often as you like: {', '.join(SENTENCES.values())}.",
)
@click.option(
    "--bundle",
    "bundled",
    type=click.Choice(["arm64", "x86_64", "none"]),
    default="arm64",
    show_default=True,
    help="The processor that the functions run on in AWS; the zips then hold their third-party packages. "
    "none leaves those out: for the local cloud, which has them.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=ROOT / "build",
    help="Folder to empty and build into.  [default: build]",
)
def main(systems: str, extras: tuple[Extra, ...], bundled: str, out: Path) -> None:
    """Build the CloudFormation template and the zip of every function.

    Then deploy with `aws cloudformation package` and `aws cloudformation deploy`; cfn/README.md has both.
    """
    try:
        names = _names(systems)
        written = build(names, bundled, out, extras)
    except OSError as error:
        sys.exit(_not_written(error, out))
    except KeyboardInterrupt:
        echo("\nStopped. Build again before you deploy.", err=True)
        sys.exit(INTERRUPTED)
    except DeliveryWatchError as error:
        sys.exit(f"{error} {error.next_step}")
    for path, size in written.items():
        echo(f"{size:50} {click.format_filename(_near(path))}")
    _warn(written, bundled)
    if "pipeline" in names and not any(path.name.startswith("pipeline-") for path in written):
        echo(_NO_PIPELINE, err=True)


def _not_written(error: OSError, out: Path) -> str:
    """Return what could not be written and what to do: the folder of the result, or one that is needed on the way."""
    place = Path(error.filename) if error.filename else out
    if place.absolute().is_relative_to(out.absolute()):
        return f"{place} cannot be written: {error.strerror}. Name another folder with --out."
    on_the_way = f"Folders on the way are made in {tempfile.gettempdir()}; TMPDIR names another place."
    return f"{place}: {error.strerror}. {next_step_of(error)} {on_the_way}"


def _near(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _warn(written: Iterable[Path], bundled: str) -> None:
    """Say what deploys, but in one way only or to start slowly."""
    if bundled != "none" and not packages.lambda_python():
        echo(
            f"There is no python{packages.PYTHON} here, so the zips hold no bytecode: cold starts take twice as long. "
            "Install it and build again; nothing else needs it.",
            err=True,
        )
    for path in written:
        if path.suffix == ".zip" and path.stat().st_size > bundle.ZIPPED_LIMIT_BYTES:
            echo(f"{path.name} is over Lambda's limit for a direct upload: it deploys through S3 only.", err=True)


def _names(systems: str) -> list[str]:
    names = list(dict.fromkeys(name.strip() for name in systems.split(",") if name.strip()))
    unknown = [name for name in names if name not in stacks.SYSTEMS]
    if unknown or not names:
        raise ConfigurationError(
            f"--systems names {', '.join(unknown) or 'nothing'}.",
            next_step=f"Choose one of: {', '.join(stacks.SYSTEMS)}.",
        )
    return names
