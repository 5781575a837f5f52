"""How far the runs on schedule got: an object of the lake that only moves forward."""

import json
from dataclasses import dataclass, replace
from datetime import datetime

from deliverywatch.errors import ConfigurationError
from deliverywatch.sms.lake.slots import as_text
from deliverywatch.storage.store import Change, Store, update

WATERMARK = "state/sms-watermark.json"


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far the runs on schedule got.

    Attributes:
        covered_until: End of the newest slot that was fully covered.
        counted_from: Begin of the first slot that was emitted; none if an early version wrote the watermark.
    """

    covered_until: datetime
    counted_from: datetime | None = None

    def as_body(self) -> bytes:
        """Return the object that holds it."""
        times = {"covered_until": self.covered_until, "counted_from": self.counted_from}
        return json.dumps({name: as_text(time) for name, time in times.items() if time}).encode()


def read_watermark(store: Store) -> Watermark | None:
    """Return how far the runs got, or none before the first one.

    Raises:
        ConfigurationError: The object is damaged.
    """
    stored = store.read(WATERMARK)
    return _watermark(stored.body) if stored else None


def advance_watermark(store: Store, watermark: Watermark, *, latest: datetime | None = None) -> None:
    """Move the watermark; it never goes back, whoever else moves it, unless it stands after `latest`, in the future."""

    def ahead(body: bytes | None) -> Change[None]:
        present = _watermark(body) if body is not None else None
        if present is None:
            return Change(watermark.as_body(), None)
        is_possible = latest is None or present.covered_until <= latest
        if is_possible and present.covered_until >= watermark.covered_until:
            return Change(None, None)
        return Change(replace(watermark, counted_from=present.counted_from).as_body(), None)

    update(store, WATERMARK, ahead)


def _watermark(body: bytes) -> Watermark:
    """Return the watermark; taking a damaged one for none would leave a gap that nobody notices."""
    try:
        fields = json.loads(body)
        covered_until = datetime.fromisoformat(fields["covered_until"])
        counted_from = datetime.fromisoformat(fields.get("counted_from", fields["covered_until"]))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise _damaged() from None
    if covered_until.tzinfo is None or counted_from.tzinfo is None:
        raise _damaged()
    return Watermark(covered_until, counted_from if "counted_from" in fields else None)


def _damaged() -> ConfigurationError:
    return ConfigurationError(
        f"{WATERMARK} does not say until when messages were read: it is damaged.",
        kind="watermark",
        next_step='Write {"covered_until": "..."} into it, with the time of the last good run such as '
        "2026-11-21T12:10:00Z; or delete it, then only the last hour is read.",
    )
