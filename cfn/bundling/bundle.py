"""Functions -> zips, the same bytes on every build: fixed times, sorted names.

A zip holds what its handler imports of `src/deliverywatch`, and the locked packages it names. Limits:
docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bundling import imports
from deliverywatch.errors import ConfigurationError

if TYPE_CHECKING:
    from blocks.parts import Function

# What Lambda takes at most: unpacked always, zipped where it is uploaded directly and not, as here, through S3.
UNPACKED_LIMIT_BYTES = 250 * 1024 * 1024
ZIPPED_LIMIT_BYTES = 50 * 1024 * 1024
# Zip begins to count time here; any fixed time will do.
_TIME = (1980, 1, 1, 0, 0, 0)
_NOT_SHIPPED = ("README.md", "__pycache__", "examples", "py.typed")


def first_party(source: Path, handler: str) -> dict[str, bytes]:
    """Return the files that a handler's module needs of this project, by their name in the zip."""
    modules = set(imports.closure(source, handler).values())
    data = {file for package in {path.parent for path in modules} for file in _data(package)}
    return {file.relative_to(source).as_posix(): file.read_bytes() for file in modules | data}


def _data(package: Path) -> Iterator[Path]:
    """Yield the files of a package that are no code, such as templates of mails."""
    for path in package.iterdir():
        if path.is_dir() and not (path / "__init__.py").exists() and path.name not in _NOT_SHIPPED:
            yield from (file for file in path.rglob("*") if file.is_file())
        elif path.is_file() and path.suffix != ".py" and path.name not in _NOT_SHIPPED:
            yield path


def folder(root: Path) -> dict[str, bytes]:
    """Return all files of a folder by their name in the zip."""
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in root.rglob("*") if file.is_file()}


def unpack(files: Mapping[str, bytes], root: Path) -> None:
    """Write files into a folder, by their name in it."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@dataclass(frozen=True, slots=True)
class Package:
    """The zip of one function, and what its files hold together."""

    content: bytes
    unpacked_bytes: int

    def sizes(self) -> str:
        """Return both sizes beside Lambda's limits, in MB as Lambda counts them."""
        return (
            f"{len(self.content) / 2**20:6.2f} of {ZIPPED_LIMIT_BYTES // 2**20} MB zipped, "
            f"{self.unpacked_bytes / 2**20:6.2f} of {UNPACKED_LIMIT_BYTES // 2**20} MB unpacked"
        )


def zipped(spec: Function, files: Mapping[str, bytes]) -> Package:
    """Return the zip of a function, or raise ConfigurationError if it unpacks to more than Lambda takes."""
    unpacked_bytes = sum(len(content) for content in files.values())
    if unpacked_bytes > UNPACKED_LIMIT_BYTES:
        raise ConfigurationError(
            f"{spec.name} unpacks to {unpacked_bytes / 2**20:.1f} MB; Lambda takes {UNPACKED_LIMIT_BYTES // 2**20} MB.",
            next_step="Ship fewer packages with it, or add what it does not use to cfn/bundling/trim.py.",
        )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            archive.writestr(_entry(name), files[name])
    return Package(buffer.getvalue(), unpacked_bytes)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3  # Unix, wherever it is built
    entry.external_attr = 0o100644 << 16  # readable by the user that Lambda runs functions as
    return entry
