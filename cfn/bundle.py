"""Functions -> zips, the same bytes on every build: fixed times, sorted names.

A zip holds its room of `src/deliverywatch`, the modules that all rooms share, and the locked packages it names. Limits:
docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

from deliverywatch.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from parts import Function

# What Lambda takes at most, unpacked; the 50 MB for zips are a limit of direct upload only, and we upload through S3.
UNPACKED_LIMIT_BYTES = 250 * 1024 * 1024
# Zip begins to count time here; any fixed time will do.
_TIME = (1980, 1, 1, 0, 0, 0)
_NOT_SHIPPED = ("__pycache__", "py.typed")


def first_party(source: Path, room: str) -> dict[str, bytes]:
    """Return the files of a room and of what all rooms share, by their name in the zip."""
    package = source / "deliverywatch"
    files = [*package.glob("*.py"), *(package / room).rglob("*")]
    return {
        file.relative_to(source).as_posix(): file.read_bytes()
        for file in files
        if file.is_file() and not set(_NOT_SHIPPED) & set(file.parts)
    }


def folder(root: Path) -> dict[str, bytes]:
    """Return all files of a folder by their name in the zip."""
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in root.rglob("*") if file.is_file()}


def unpack(files: Mapping[str, bytes], root: Path) -> None:
    """Write files into a folder, by their name in it."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def zipped(spec: Function, files: Mapping[str, bytes]) -> bytes:
    """Return the zip of a function.

    Raises:
        ConfigurationError: Unpacked it is larger than Lambda takes.
    """
    unpacked_bytes = sum(len(content) for content in files.values())
    if unpacked_bytes > UNPACKED_LIMIT_BYTES:
        raise ConfigurationError(
            f"{spec.name} unpacks to {unpacked_bytes / 2**20:.1f} MB; Lambda takes {UNPACKED_LIMIT_BYTES // 2**20} MB.",
            next_step="Ship fewer packages with this function, or delete what it does not use of them in cfn/trim.py.",
        )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            archive.writestr(_entry(name), files[name])
    return buffer.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3  # Unix, wherever it is built
    entry.external_attr = 0o100644 << 16  # readable by the user that Lambda runs functions as
    return entry
