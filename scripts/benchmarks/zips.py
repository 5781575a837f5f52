"""The zips as they are deployed, against pyarrow as it is installed: both packed as tightly as zip can.

Packages come from the package index, as in a build.
"""

import importlib.metadata
import io
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from measure import ROOT, Figure

LIMIT = 0.68
# What the notifier calls, and what boto3 needs beside itself.
_SERVICES = ("cloudformation", "cloudwatch", "s3", "sesv2", "sns")
_SDK = ("boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3")


def figures() -> Iterator[Figure]:
    """The ingest function's zip for each processor, in MB of 2^20 bytes."""
    import stacks
    from bundling import build, bundle

    (spec,) = (each for each in stacks.SYSTEMS["sms"]().functions if each.name == "sms-ingest")
    for architecture in ("arm64", "x86_64"):
        files = build.with_packages(spec, bundle.first_party(ROOT / "src", spec.module), architecture)
        ours, plain = len(bundle.zipped(spec, files).content), _plain(architecture)
        reference = f"{plain / 2**20:.1f}, pyarrow alone, untrimmed (limit {LIMIT})"
        yield Figure(
            f"ingest zip for {architecture}, MB", f"{ours / 2**20:.1f}", reference, ours / plain, ours <= LIMIT * plain
        )

    yield _notifier()


def _notifier() -> Figure:
    """The notifier's zip, which uses the SDK of Lambda's runtime, against one that brings its own."""
    import stacks
    from bundling import build, bundle

    (spec,) = (each for stack in stacks.chosen(["sms"]) for each in stack.functions if each.name == "alerting-notify")
    files = build.with_packages(spec, bundle.first_party(ROOT / "src", spec.module), "arm64")
    ours, whole = (len(bundle.zipped(spec, content).content) for content in (files, {**files, **_sdk()}))
    reference = f"{whole / 2**20:.1f}, with a boto3 of its own, trimmed to {len(_SERVICES)} services"
    return Figure("notifier zip for arm64, MB", f"{ours / 2**20:.1f}", reference, ours / whole)


def _sdk() -> dict[str, bytes]:
    """Return the files of boto3 and what it needs, with the models of the notifier's services only."""
    paths = [path for name in _SDK for path in importlib.metadata.files(name) or () if ".." not in path.parts]
    kept = [
        path for path in paths if path.parts[1:2] != ("data",) or len(path.parts) == 3 or path.parts[2] in _SERVICES
    ]
    return {str(path): Path(str(path.locate())).read_bytes() for path in kept if path.suffix != ".pyc"}


def _plain(architecture: str) -> int:
    from bundling import bundle, packages

    with tempfile.TemporaryDirectory() as folder:
        requirements, target = Path(folder) / "requirements.txt", Path(folder) / "zip"
        requirements.write_text(
            packages.locked((ROOT / "requirements.lock").read_text(encoding="utf-8"), ["pyarrow"]), encoding="utf-8"
        )
        packages.install(requirements, architecture, target)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name, content in bundle.folder(target).items():
                archive.writestr(name, content)
        return len(buffer.getvalue())
