"""A directory as the store, with the rules of S3: for the command line and the tests."""

import fcntl
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deliverywatch.errors import StoreConflict, StoreUnavailable
from deliverywatch.storage.memory import etag_of
from deliverywatch.storage.store import Stored


class Folder:
    """Objects as files under a directory; hidden files do not count."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, key: str) -> Stored | None:
        """Return the object, or None."""
        with _translated(self._root / key):
            try:
                body = (self._root / key).read_bytes()
            except FileNotFoundError:
                return None
        return Stored(body, etag_of(body))

    def metadata(self, key: str) -> Mapping[str, str] | None:
        """Return the metadata in a Parquet file's footer, as a directory stores none; None if there is no file."""
        path = self._root / key
        if not path.exists():
            return None
        if path.suffix != ".parquet":
            return {}
        from pyarrow.parquet import read_metadata  # brings pyarrow, which a folder without messages does not need

        footer = read_metadata(path).metadata or {}
        return {name.decode(): value.decode() for name, value in footer.items()}

    def write(self, key: str, body: bytes) -> None:
        """Store the object whatever was there; readers see the old or the new one, never a part."""
        path = self._root / key
        with _translated(self._root / key):
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=".")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(body)
                Path(name).replace(path)
            finally:
                # Of a disk that is full; it has gone where all went well.
                Path(name).unlink(missing_ok=True)

    def write_if_unchanged(
        self,
        key: str,
        body: bytes,
        etag: str | None,
        metadata: Mapping[str, str] | None = None,  # noqa: ARG002 (see `metadata`)
    ) -> None:
        """Store the object if the present one has this etag; with None, if there is no object."""
        with self._locked(key):
            self._check(key, etag)
            self.write(key, body)

    def delete(self, key: str) -> None:
        """Delete the object; one that is gone is not a failure."""
        with _translated(self._root / key):
            (self._root / key).unlink(missing_ok=True)

    def delete_if_unchanged(self, key: str, etag: str) -> None:
        """Delete the object if the present one has this etag; one that is gone is not a failure."""
        with self._locked(key):
            if (self._root / key).exists():
                self._check(key, etag)
                self.delete(key)

    def keys(self, prefix: str) -> list[str]:
        """Return the keys that begin with a prefix, sorted."""
        folder = self._root / prefix.rpartition("/")[0]
        with _translated(self._root / prefix):
            files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
        keys = (path.relative_to(self._root).as_posix() for path in files)
        return sorted(key for key in keys if key.startswith(prefix))

    def sizes(self, prefix: str) -> list[tuple[str, int]]:
        """Return keys and bytes of the objects whose keys begin with a prefix, sorted."""
        return [(key, (self._root / key).stat().st_size) for key in self.keys(prefix)]

    def _check(self, key: str, etag: str | None) -> None:
        present = self.read(key)
        if (present.etag if present else None) != etag:
            raise StoreConflict(f"{key} was written by somebody else meanwhile.")

    @contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        """Keep other processes from writing between the check and the write."""
        with _translated(self._root / key):
            self._root.mkdir(parents=True, exist_ok=True)
            with (self._root / ".lock").open("w", encoding="utf-8") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreUnavailable(
            f"{path} could not be used: {error.strerror}.",
            next_step="Check the folder's name, your right to read and write it, and the space that is left.",
        ) from error
