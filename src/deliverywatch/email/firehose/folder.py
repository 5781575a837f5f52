"""A directory as the bucket: for the command line and the tests."""

from __future__ import annotations

from pathlib import Path


class Folder:
    """Objects as files under a directory."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def keys(self, prefix: str) -> list[str]:
        """Return the keys that begin with a prefix, sorted."""
        found = (path.relative_to(self._root).as_posix() for path in self._root.rglob("*") if path.is_file())
        return sorted(key for key in found if key.startswith(prefix))

    def read(self, key: str) -> bytes:
        """Return an object."""
        return (self._root / key).read_bytes()

    def write(self, key: str, body: bytes) -> None:
        """Store an object whatever is there; readers see the old or the new one, never a part."""
        path = self._root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        part.write_bytes(body)
        part.replace(path)

    def delete(self, key: str) -> None:
        """Delete an object; one that is not there is no error, as in S3."""
        (self._root / key).unlink(missing_ok=True)
