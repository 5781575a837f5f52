"""The zips as they are deployed, against pyarrow as it is installed: both packed as tightly as zip can.

Packages come from the package index, as in a build.
"""

import io
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from measure import ROOT, Figure

LIMIT = 0.68


def figures() -> Iterator[Figure]:
    """The ingest function's zip for each processor, in MB of 2^20 bytes."""
    import build
    import stacks
    from bundling import bundle

    (spec,) = (each for each in stacks.SYSTEMS["sms"]().functions if each.name == "sms-ingest")
    for architecture in ("arm64", "x86_64"):
        files = build.with_packages(spec, bundle.first_party(ROOT / "src", spec.module), architecture)
        ours, plain = len(bundle.zipped(spec, files).content), _plain(architecture)
        reference = f"{plain / 2**20:.1f}, pyarrow alone, untrimmed (limit {LIMIT})"
        yield Figure(
            f"ingest zip for {architecture}, MB", f"{ours / 2**20:.1f}", reference, ours / plain, ours <= LIMIT * plain
        )


def _plain(architecture: str) -> int:
    from bundling import bundle, packages

    with tempfile.TemporaryDirectory() as folder:
        requirements, target = Path(folder) / "requirements.txt", Path(folder) / "zip"
        requirements.write_text(packages.locked((ROOT / "requirements.lock").read_text(), ["pyarrow"]))
        packages.install(requirements, architecture, target)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name, content in bundle.folder(target).items():
                archive.writestr(name, content)
        return len(buffer.getvalue())
