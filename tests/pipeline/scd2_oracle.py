"""The twelve checks the slow and obvious way: row by row, pair by pair, one half hour after the other."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Version:
    """One row; times are whole hours."""

    key: int | None
    begin: int | None
    end: int | None
    current: bool | None = False
    deleted: bool | None = False
    email: str | None = "a"


def violations(versions: Iterable[Version], as_of: int) -> dict[str, tuple[int, int]]:
    """Return for each check how many rows violate it, and how many keys these rows have."""
    violations: dict[str, Counter[int | None]] = defaultdict(Counter)
    groups: dict[int, list[Version]] = defaultdict(list)
    for version in versions:
        if version.key is None or version.begin is None:
            violations["null_key"][version.key] += 1
        else:
            groups[version.key].append(version)
    for key, group in groups.items():
        ordered = in_order(group)
        for name, count in of_key(ordered, as_of).items():
            violations[name][key] += count
    return {
        name: (sum(counts.values()), sum(1 for count in counts.values() if count))
        for name, counts in violations.items()
    }


def in_order(group: Sequence[Version]) -> list[Version]:
    def place(version: Version) -> tuple[object, ...]:
        end = (version.end is None, version.end or 0)
        return (
            version.begin,
            end,
            bool(version.current),
            bool(version.deleted),
            (version.email is None, version.email or ""),
        )

    return sorted(group, key=place)  # type: ignore[arg-type,return-value]


def of_key(ordered: list[Version], as_of: int) -> Counter[str]:
    violations = Counter[str]()
    current = [version for version in ordered if version.current]
    violations["many_current"] = len(current) if len(current) > 1 else 0
    violations["no_current"] = int(not current and not ordered[-1].deleted)
    for place, version in enumerate(ordered):
        begin, end, later = version.begin or 0, version.end, ordered[place + 1 :]
        violations["flag_disagrees"] += not version.deleted and bool(version.current) != (end is None)
        violations["current_not_latest"] += bool(version.current) and bool(later)
        violations["begins_after_end"] += end is not None and begin >= end
        violations["overlap"] += any(end is None or (other.begin or 0) < end for other in later)
        # After a version that is marked as deleted there may be nothing until the key comes back.
        violations["gap"] += bool(later and not version.deleted) and any(
            not any(covers(other, moment + 0.5) for other in ordered[: place + 1])
            for moment in range(begin, later[0].begin or 0)
        )
        violations["duplicate_begin"] += sum(other.begin == begin for other in ordered) > 1
        before = ordered[place - 1] if place else None
        violations["unchanged"] += (
            before is not None
            and (before.email, bool(before.deleted)) == (version.email, bool(version.deleted))
            and (before.end is None or max(before.end, before.begin or 0) >= begin)
        )
        violations["deleted_current"] += bool(version.deleted) and bool(version.current)
        violations["future_begin"] += begin > as_of
        violations["future_end"] += end is not None and end > as_of
    return violations


def covers(version: Version, moment: float) -> bool:
    return (version.begin or 0) <= moment and (version.end is None or moment < version.end)


def written(versions: Iterable[Version], since: int, until: int) -> tuple[int, int, int]:
    """Return how many versions that began in [since, until) created, updated and deleted their key."""
    groups: dict[int, list[Version]] = defaultdict(list)
    for version in versions:
        if version.key is not None and version.begin is not None:
            groups[version.key].append(version)
    created = updated = deleted = 0
    for group in groups.values():
        before: Version | None = None
        for version in in_order(group):
            if since <= (version.begin or 0) < until:
                created += before is None and not version.deleted
                updated += before is not None and not version.deleted
                deleted += bool(version.deleted) and not (before is not None and before.deleted)
            before = version
    return created, updated, deleted
