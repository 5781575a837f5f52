"""One recipient's number -> gone from the lake, and what remains where, said exactly.

Every object is looked into, hours and days, those that no longer count too: whoever is killed in between does it again.
What cannot be reached from here, and for how long it stays, is said and not promised away.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from deliverywatch.sms.lake import day_objects
from deliverywatch.sms.lake import forget as forgetting
from deliverywatch.storage.store import Change, update
from deliverywatch.thresholds import HISTORY_DAYS, OLD_VERSION_DAYS, SETTLE_HOURS

if TYPE_CHECKING:
    from deliverywatch.storage.store import Store

# An object that is written while it is looked for is found by the next round.
_ROUNDS = 5


@dataclass(slots=True)
class Forgotten:
    """What is blanked: rows of the recipient by their object, and the newest day with one; and old versions deleted."""

    row_counts: dict[str, int] = field(default_factory=dict)
    newest: datetime | None = None
    purged_count: int = 0

    @property
    def folders(self) -> list[str]:
        """The folders of the days with such rows."""
        return sorted({f"{key.rpartition('/')[0]}/" for key in self.row_counts})


def find(store: Store, known_as: Collection[str]) -> Forgotten:
    """Return where the recipient is, and change nothing."""
    result = Forgotten()
    for key in (key for key in store.keys("sms/") if key.endswith(".parquet")):
        stored = store.read(key)
        with day_objects.readable(key):
            row_count = forgetting.count(stored.body, known_as) if stored else 0
        _note(result, key, row_count)
    return result


def forget(store: Store, known_as: Collection[str], *, token: str) -> Forgotten:
    """Blank the recipient in every object, until a look into all of them finds nothing."""
    whole = Forgotten()
    for _ in range(_ROUNDS):
        remaining = find(store, known_as)
        if not remaining.row_counts:
            break
        for folder in remaining.folders:
            day_objects.finish(store, day_objects.day_of_key(f"{folder}day.parquet"), token)
        for key, row_count in find(store, known_as).row_counts.items():
            update(store, key, _blanker(key, known_as, token))
            _note(whole, key, row_count)
    return whole


def remains(
    forgotten: Forgotten, now: datetime, parameters: Mapping[str, str], old_versions: int | str | None
) -> list[tuple[str, str]]:
    """Return what is left of the recipient: where, and what of it for how long.

    `old_versions` is their count, none of a folder, or the sentence that says why it is unknown.
    """
    places = [("ClickSend", f"The number, the text and the name, for {HISTORY_DAYS} days. Delete them there.")]
    again = forgotten.newest + timedelta(days=1, hours=SETTLE_HOURS + 2) if forgotten.newest else now
    if again > now:
        sentence = f"ClickSend is read again for {SETTLE_HOURS} hours, and a row that has news comes back with its "
        places.append(("the next runs", f"{sentence}recipient. Run this again after {again:%Y-%m-%d %H:%M} UTC."))
    if old_versions:
        gone = f"{now + timedelta(days=OLD_VERSION_DAYS + 1):%Y-%m-%d}"
        count = f"{old_versions:,}" if isinstance(old_versions, int) else "An unknown number of"
        sentence = f"{count} replaced or deleted objects of the lake may hold it; they are gone by {gone}. "
        places.append(("old versions", f"{sentence}--purge deletes them now, and with them the way back to them."))
    if isinstance(old_versions, str):
        places.append(("unknown", old_versions))
    if parameters:
        places += _elsewhere(parameters["AthenaResultDays"])
    if any(name.startswith("Email") for name in parameters):
        places.append(("e-mail events", "They hold e-mail addresses, not numbers, and are not looked into here."))
    places.append(("a back-fill", "'deliverywatch backfill' reads ClickSend again: run this again after it."))
    return places


def _elsewhere(result_days: str) -> list[tuple[str, str]]:
    samples = "Those that were sent may show the masked number and a message id as a sample"
    return [
        ("mails", f"{samples}: in the inboxes, and in mail-bodies/ of the bucket."),
        ("state/sms.json", "Masked samples of the newest messages; each run replaces them."),
        ("athena-results/", f"Rows that somebody asked for, for {result_days} days."),
        ("logs and metrics", "Counts only, no numbers."),
    ]


def _blanker(key: str, known_as: Collection[str], token: str) -> Callable[[bytes | None], Change[None]]:
    def blank(body: bytes | None) -> Change[None]:
        with day_objects.readable(key):
            return forgetting.without(body, known_as, token)

    return blank


def _note(result: Forgotten, key: str, row_count: int) -> None:
    if row_count:
        result.row_counts[key] = result.row_counts.get(key, 0) + row_count
        result.newest = max(result.newest or day_objects.day_of_key(key), day_objects.day_of_key(key))
