"""A directory as the store behind the lake: for the command line and the tests, with the rules of S3."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deliverywatch.errors import StoreConflict
from deliverywatch.sms.lake.watermark import Stored


class Folder:
    """Objects as files under a directory; an object's etag is the hash of its content."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, key: str) -> Stored | None:
        """Return the object, or none."""
        try:
            body = (self._root / key).read_bytes()
        except FileNotFoundError:
            return None
        return Stored(body, hashlib.blake2b(body, digest_size=16).hexdigest())

    def metadata(self, key: str) -> Mapping[str, str]:
        """Return what stands in a Parquet file's footer, as a directory has no place beside the file."""
        path = self._root / key
        if path.suffix != ".parquet" or not path.exists():
            return {}
        from pyarrow.parquet import read_metadata  # brings pyarrow, which a folder without messages does not need

        footer = read_metadata(path).metadata or {}
        return {"etag": str(path.stat().st_mtime_ns)} | {
            name.decode(): value.decode() for name, value in footer.items()
        }

    def write(self, key: str, body: bytes) -> None:
        """Store the object whatever is there; readers see the old or the new one, never a part."""
        path = self._root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".")
        with os.fdopen(handle, "wb") as file:
            file.write(body)
        Path(name).replace(path)

    def replace(self, key: str, body: bytes, etag: str | None, metadata: Mapping[str, str]) -> None:  # noqa: ARG002 (see `metadata`)
        """Store the object if the present one has this etag, or with none if there is no object.

        Raises:
            StoreConflict: The present object is another one.
        """
        with self._alone():
            present = self.read(key)
            if (present.etag if present else None) != etag:
                raise StoreConflict(f"{key} was written by somebody else meanwhile.")
            self.write(key, body)

    def keys(self, prefix: str) -> list[str]:
        """Return the keys of the objects that begin so, in order."""
        folder = self._root / prefix.rpartition("/")[0]
        found = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
        names = (path.relative_to(self._root).as_posix() for path in found)
        return sorted(name for name in names if name.startswith(prefix))

    def sizes(self, prefix: str) -> list[tuple[str, int]]:
        """Return keys and bytes of the objects that begin so, in order."""
        return [(key, (self._root / key).stat().st_size) for key in self.keys(prefix)]

    def delete(self, key: str, etag: str) -> None:
        """Delete the object if it is still the one with this etag; one that is gone is no failure.

        Raises:
            StoreConflict: The present object is another one.
        """
        with self._alone():
            present = self.read(key)
            if present is None:
                return
            if present.etag != etag:
                raise StoreConflict(f"{key} was written by somebody else meanwhile.")
            (self._root / key).unlink()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Between the look and the write no other process may write."""
        self._root.mkdir(parents=True, exist_ok=True)
        with (self._root / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
