"""A shop's orders in the lake, a file every 15 minutes, and what happens to them on the day of the demo.

The table is an analyst's own, beside those of the stack: `orders`, JSON lines, one partition a day.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from deliverywatch.local.cloud.cloud import LocalCloud
from deliverywatch.local.demo import play

COUNTRIES = ("IT", "AU", "DE", "FR")
QUARTER = timedelta(minutes=15)
_ORDERS = 40
_COLUMNS = {"slot": "string", "country": "string", "status": "string", "amount": "double"}

# Since when (after the start) which countries have so many orders of a hundred refused.
REFUSALS: tuple[tuple[timedelta, dict[str, int]], ...] = (
    (timedelta(), {}),
    (timedelta(minutes=45), {"IT": 30}),
    (timedelta(minutes=60), {"IT": 45, "FR": 35}),
    (timedelta(minutes=90), {}),
)


@dataclass(frozen=True, slots=True)
class Shop:
    """The orders of one day in a bucket."""

    cloud: LocalCloud
    bucket: str
    start: datetime

    def open(self, database: str) -> None:
        """Make the table."""
        play.create_table(self.cloud, database, f"s3://{self.bucket}/orders/", "json", _COLUMNS, "dt")

    def sell(self, minute: datetime) -> None:
        """Write the orders of the quarter that ends now, if one does."""
        if (minute - self.start) % QUARTER:
            return
        rows = [row for country in COUNTRIES for row in self._orders(country, minute)]
        body = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
        self.cloud.client("s3").put_object(
            Bucket=self.bucket, Key=f"orders/dt={minute:%Y-%m-%d}/{minute:%H%M}.json", Body=body
        )

    def _orders(self, country: str, minute: datetime) -> list[dict[str, object]]:
        refused = [shares for since, shares in REFUSALS if self.start + since <= minute][-1].get(country, 2)
        return [
            {
                "slot": f"{minute:%H:%M}",
                "country": country,
                "status": "refused" if 100 * number < refused * _ORDERS else "paid",
                "amount": 10.0 + number,
            }
            for number in range(_ORDERS)
        ]
