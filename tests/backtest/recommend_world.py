"""Weeks of made-up traffic, with and without incidents, for recommendations."""

import random
from collections.abc import Callable, Collection
from datetime import timedelta
from pathlib import Path

from backtest.backtest_world import MIDNIGHT, SLOT

DAY = 144
# What a history of the two counts cannot show.
WITHOUT = [
    part
    for name in ("blind", "silence", "overdue", "ingest-errors", "mail-failed")
    for part in ("--without", f"*-{name}")
]
Counts = list[tuple[int, int]]


def traffic(
    days: int, share: Callable[[int], float], per_slot: Callable[[int], int] = lambda _: 50, seed: int = 1
) -> Counts:
    """Messages and failures of each slot, by the share that fails there."""
    dice = random.Random(seed)
    totals = [per_slot(slot) for slot in range(days * DAY)]
    return [(total, sum(dice.random() < share(slot) for _ in range(total))) for slot, total in enumerate(totals)]


def during(incidents: dict[range, float], usual: float = 0.01) -> Callable[[int], float]:
    """The share that fails in each slot: usual, but in the incidents."""
    raised = {slot: share for slots, share in incidents.items() for slot in slots}
    return lambda slot: raised.get(slot, usual)


def write(folder: Path, counts: Counts, *, left_out: Collection[int] = (), names: str = "Total,Failed") -> Path:
    lines = [
        f"{(MIDNIGHT + number * SLOT).isoformat()},{total},{failed}"
        for number, (total, failed) in enumerate(counts)
        if number not in left_out
    ]
    path = folder / "counts.csv"
    path.write_text("\n".join([f"time,{names}", *lines]))
    return path


def write_sms(folder: Path, counts: Counts) -> Path:
    """The same as the pipeline publishes it: stamped two minutes after the slot's end, visible a minute later."""
    stamp = SLOT + timedelta(minutes=2)
    rows = []
    for number, (total, failed) in enumerate(counts):
        time = MIDNIGHT + number * SLOT + stamp
        rows.append(f"{time.isoformat()},{(time + timedelta(minutes=1)).isoformat()},{total},{failed}")
    path = folder / "sms.csv"
    path.write_text("\n".join(["time,published,DeliveryWatch/Sms/Total,DeliveryWatch/Sms/Failed", *rows]))
    return path
