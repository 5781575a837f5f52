"""The price list `prices.json` -> what one of each thing costs, with the region, the date and the source."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Prices:
    """List prices of one region, and the amounts that are free in every account, every month, for good."""

    region: str
    as_of: str
    source: str
    usd: Mapping[str, float]
    always_free: Mapping[str, float]


@cache
def prices() -> Prices:
    """Return the price list that is shipped with this version."""
    listed = json.loads(Path(__file__).with_name("prices.json").read_text(encoding="utf-8"))
    return Prices(listed["region"], listed["as_of"], listed["source"], listed["usd"], listed["always_free"])
