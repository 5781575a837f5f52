"""Objects in memory as the store, with the rules of S3: for dry runs, backtests and the tests."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from deliverywatch.errors import StoreConflict
from deliverywatch.storage.store import Stored


def etag_of(body: bytes) -> str:
    """Return an etag for a content, for stores that have none of their own."""
    return hashlib.blake2b(body, digest_size=16).hexdigest()


@dataclass
class Memory:
    """Objects and their metadata, by key."""

    objects: dict[str, bytes] = field(default_factory=dict)
    stored_metadata: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def read(self, key: str) -> Stored | None:
        """Return the object, or None."""
        body = self.objects.get(key)
        return None if body is None else Stored(body, etag_of(body))

    def metadata(self, key: str) -> Mapping[str, str] | None:
        """Return the object's metadata, or None if there is no object."""
        return self.stored_metadata.get(key, {}) if key in self.objects else None

    def write(self, key: str, body: bytes) -> None:
        """Store the object whatever was there."""
        self._put(key, body, {})

    def write_if_unchanged(
        self, key: str, body: bytes, etag: str | None, metadata: Mapping[str, str] | None = None
    ) -> None:
        """Store the object if the present one has this etag; with None, if there is no object."""
        self._check(key, etag)
        self._put(key, body, metadata or {})

    def delete(self, key: str) -> None:
        """Delete the object; one that is gone is not a failure."""
        self.objects.pop(key, None)

    def delete_if_unchanged(self, key: str, etag: str) -> None:
        """Delete the object if the present one has this etag; one that is gone is not a failure."""
        if key in self.objects:
            self._check(key, etag)
            self.delete(key)

    def keys(self, prefix: str) -> list[str]:
        """Return the keys that begin with a prefix, sorted."""
        return sorted(key for key in self.objects if key.startswith(prefix))

    def sizes(self, prefix: str) -> list[tuple[str, int]]:
        """Return keys and bytes of the objects whose keys begin with a prefix, sorted."""
        return [(key, len(self.objects[key])) for key in self.keys(prefix)]

    def _put(self, key: str, body: bytes, metadata: Mapping[str, str]) -> None:
        self.objects[key], self.stored_metadata[key] = body, metadata

    def _check(self, key: str, etag: str | None) -> None:
        present = self.objects.get(key)
        if (None if present is None else etag_of(present)) != etag:
            raise StoreConflict(f"{key} was written by somebody else meanwhile.")
