"""What a deployment would do -> JSON, and words for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from deliverywatch.operate.account.stack_status import Phase
from deliverywatch.operate.deploy import changes

if TYPE_CHECKING:
    from deliverywatch.operate.deploy.upgrade import Preview, Upgrade


def document(
    upgrade: Upgrade, preview: Preview, region: str, account: str, before: list[dict[str, str]]
) -> dict[str, Any]:
    """Return what `--json` prints of a deployment to come; `before` is what was looked at first."""
    return {
        "stack": upgrade.stack,
        "region": region,
        "account": account,
        "status": "planned" if preview.changes else "unchanged",
        "parameters": {
            name: {"before": before, "after": after} for name, (before, after) in upgrade.parameters.changed().items()
        },
        "changes": [
            {
                "action": change.action.value,
                "resource": change.resource,
                "kind": change.kind,
                "because": list(change.because),
                "kept": change.is_kept,
            }
            for change in preview.changes
        ],
        "monthly_usd": {
            "before": None if preview.usd_before is None else round(preview.usd_before, 2),
            "after": round(preview.usd_after, 2),
            "after_free": round(preview.free_usd_after, 2),
        },
        "outputs": {},
        "before": before,
        "checks": [],
    }


def words(upgrade: Upgrade, preview: Preview, region: str, account: str) -> Iterator[str]:
    """Yield the lines that say it to a person."""
    new = "" if upgrade.deployed else " (new)"
    yield f"{upgrade.stack}{new} in {region}, account {account}: {changes.summary(preview.changes)}"
    for name, (before, after) in upgrade.parameters.changed().items():
        yield f"  {name}: {before or 'none'} -> {after or 'none'}"
    for line in changes.lines(preview.changes):
        yield f"  {line}"
    if upgrade.seen and upgrade.seen.phase is Phase.MOVING:
        status = upgrade.seen.status
        yield f"  CloudFormation is changing it ({status}): what is to be done can differ once that has ended."
    elif preview.changes and upgrade.deployed and not preview.planned:
        yield "  Which of these would be replaced is known only once the artifacts bucket is there."
    yield _cost(preview)


def _cost(preview: Preview) -> str:
    free = f"{preview.free_usd_after:.2f} in the free tier"
    now = f"{preview.usd_after:.2f} USD a month at list price"
    difference = preview.usd_after - (preview.usd_before or 0.0)
    if preview.usd_before is None:
        return f"Costs about {now}, {free}."
    if abs(difference) < 0.005:
        return f"Costs as before: about {now}, {free}."
    return f"Costs about {now}, {difference:+.2f}; {free}."
