"""`deliverywatch demo --system queries`: the life of a query, from the commit that adds it to the one that removes it.

Read from `perform` on. An analyst edits the file of queries in the bucket; the deployed reconciler keeps the schedules
in step; the deployed executor runs the queries for real, in DuckDB over the lake; the notifier mails.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from deliverywatch.local.cloud.cloud import LocalCloud
from deliverywatch.local.demo import play, report
from deliverywatch.local.demo.play import Progress
from deliverywatch.local.demo.report import File, Outcome, Result, Table
from deliverywatch.local.demo.timeline import Act, timeline

KEY = "config/queries.json"
LENGTH = timedelta(hours=3)
FAST = timedelta(minutes=110)
# A narrow column of the page.
_STATUS_WORDS = {"succeeded": "done"}
_RECONCILER = "/aws/lambda/deliverywatch-prod-queries-reconcile"
_SHARE = (
    "SELECT country, count(*) AS orders, round(100.0 * count_if(status = 'refused') / count(*), 1) AS refused_percent "
    "FROM orders WHERE dt = '{DATE}' AND slot = (SELECT max(slot) FROM orders WHERE dt = '{DATE}') "
    "GROUP BY country HAVING 100.0 * count_if(status = 'refused') / count(*) > {limit_percent} ORDER BY 3 DESC"
)
_REPORT = "SELECT country, count(*) AS orders, sum(amount) AS amount FROM orders WHERE dt = '{DATE}' GROUP BY country"

ADDED: dict[str, Any] = {
    "refused-orders": {
        "type": "alerts",
        "description": "Orders refused by country",
        "schedule": "cron(0/15 * * * ? *)",
        "owner": "Payments",
        "query": _SHARE,
        "parameters": {"limit_percent": 10},
        "alerts": [
            {"name": "one country", "severity": "warning", "threshold": {"operator": ">", "value": 0}},
            {
                "name": "several countries",
                "severity": "critical",
                "threshold": {"operator": ">", "value": 1},
                "csv_export": True,
            },
        ],
    }
}
REPORT: dict[str, Any] = {
    "orders-by-country": {"description": "Orders of the day", "schedule": "cron(5/20 * * * ? *)", "query": _REPORT}
}
CHANGED = {**ADDED["refused-orders"], "description": "Orders refused by country, over 15 %"} | {
    "parameters": {"limit_percent": 15}
}
MISTAKE = REPORT["orders-by-country"] | {"query": _REPORT.replace("amount) AS", "total) AS")}

# After the start: what the analyst does, and the queries of the file from then on; None is a file that is wrong.
EDITS: tuple[tuple[timedelta, str, dict[str, Any] | None], ...] = (
    (timedelta(minutes=2), "The analyst adds two queries", ADDED | REPORT),
    (timedelta(minutes=52), "The analyst raises a limit of the query", {"refused-orders": CHANGED} | REPORT),
    (timedelta(minutes=62), "The analyst breaks the file: it is refused as a whole", None),
    (timedelta(minutes=71), "The analyst fixes the file", {"refused-orders": CHANGED} | REPORT),
    (timedelta(minutes=107), "The analyst removes the query of refused orders", REPORT),
    (timedelta(minutes=112), "The analyst names a column that does not exist", {"orders-by-country": MISTAKE}),
    (timedelta(minutes=130), "The analyst names the right one", REPORT),
)

_COUNTRIES = ("IT", "AU", "DE", "FR")
_QUARTER = timedelta(minutes=15)
_ORDERS = 40
_COLUMNS = {"slot": "string", "country": "string", "status": "string", "amount": "double"}

# Since when (after the start) which countries have so many orders of a hundred refused.
_REFUSALS: tuple[tuple[timedelta, dict[str, int]], ...] = (
    (timedelta(), {}),
    (timedelta(minutes=45), {"IT": 30}),
    (timedelta(minutes=60), {"IT": 45, "FR": 35}),
    (timedelta(minutes=90), {}),
)


def perform(out: Path, progress: Progress, _environ: Mapping[str, str], now: datetime, *, fast: bool) -> Outcome:
    """Play the life of a query, yesterday from eight o'clock."""
    start = play.yesterday(now, hour=8)
    with play.stage(out, progress, ["queries"], start - timedelta(minutes=10)) as (cloud, template, folder):
        life = deploy(cloud, template, folder, start)
        play.live(cloud, start, start + (FAST if fast else LENGTH), progress, life.act)
        life.listen(start + LENGTH)
        progress.step("Writing the result")
        exports = play.copy_objects(cloud, life.shop.bucket, "exports/", out)
        return report.write(_result(life, len(exports)), out)


@dataclass(frozen=True, slots=True)
class Shop:
    """The orders of one day in the lake, in an analyst's own table of JSON lines: a file every 15 minutes."""

    cloud: LocalCloud
    bucket: str
    start: datetime

    def open(self, database: str) -> None:
        """Make the table."""
        play.create_table(self.cloud, database, f"s3://{self.bucket}/orders/", "json", _COLUMNS, "dt")

    def sell(self, minute: datetime) -> None:
        """Write the orders of the quarter that ends now, if one does."""
        if (minute - self.start) % _QUARTER:
            return
        rows = [row for country in _COUNTRIES for row in self._orders(country, minute)]
        body = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
        self.cloud.client("s3").put_object(
            Bucket=self.bucket, Key=f"orders/dt={minute:%Y-%m-%d}/{minute:%H%M}.json", Body=body
        )

    def _orders(self, country: str, minute: datetime) -> list[dict[str, object]]:
        refused = [shares for since, shares in _REFUSALS if self.start + since <= minute][-1].get(country, 2)
        return [
            {
                "slot": f"{minute:%H:%M}",
                "country": country,
                "status": "refused" if 100 * number < refused * _ORDERS else "paid",
                "amount": 10.0 + number,
            }
            for number in range(_ORDERS)
        ]


@dataclass(slots=True)
class Life:
    """The world around the stack: the shop, the analyst's edits, and what the reconciler's log says to them."""

    cloud: LocalCloud
    shop: Shop
    start: datetime
    acts: list[Act] = field(default_factory=list)
    line_count: int = 0

    def act(self, minute: datetime) -> None:
        """Let the shop sell and the analyst edit, and read what the reconciler did in the minute before."""
        self.listen(minute)
        self.shop.sell(minute)
        for after, text, queries in EDITS:
            if self.start + after == minute:
                self.acts.append((minute, text))
                self.save(queries)

    def save(self, queries: dict[str, Any] | None) -> None:
        """Write the file of queries into the bucket, or one that is wrong."""
        wrong = {"refused-orders": {"schedule": "every quarter", "query": "SELEC country"}}
        body = json.dumps({"queries": wrong if queries is None else queries}).encode()
        self.cloud.client("s3").put_object(Bucket=self.shop.bucket, Key=KEY, Body=body)

    def listen(self, minute: datetime) -> None:
        """Take the changes in the reconciler's log into the timeline."""
        pages = self.cloud.client("logs").get_paginator("filter_log_events").paginate(logGroupName=_RECONCILER)
        lines = [str(event["message"]).strip() for page in pages for event in page["events"]]
        new, self.line_count = lines[self.line_count :], len(lines)
        messages = [line.partition(" INFO ")[2] for line in new]
        changes = [line for line in messages if line.startswith(("CREATE:", "UPDATE:", "DELETE:"))]
        self.acts += [(minute - timedelta(seconds=55), f"Reconciler: {line[:150]}") for line in changes]


def deploy(cloud: LocalCloud, template: Mapping[str, Any], folder: Path, start: datetime) -> Life:
    """Deploy the stack with an empty file of queries in its own bucket, and let it run once."""
    bucket = play.deploy(cloud, template, folder, {"QueriesConfigSource": "packaged"})["LakeBucket"]
    # The bucket's name is known only now; from now on the reconciler reads the file there.
    play.deploy(cloud, template, folder, {"QueriesConfigSource": "s3", "QueriesConfigUrl": f"s3://{bucket}/{KEY}"})
    life = Life(cloud, Shop(cloud, bucket, start), start)
    life.save({})
    life.shop.open("deliverywatch_prod")
    cloud.run_schedules(start - timedelta(minutes=5))
    life.listen(start)
    return life


def records(cloud: LocalCloud, bucket: str) -> list[dict[str, Any]]:
    """Return what every run of a query left, in order of time."""
    return sorted(play.documents(cloud, bucket, "queries/runs/"), key=lambda run: (run["due"], run["query_id"]))


def _result(life: Life, exports: int) -> Result:
    events = timeline(life.cloud, life.acts)
    runs = records(life.cloud, life.shop.bucket)
    rows = tuple(
        (
            run["due"][11:16],
            run["query_id"],
            _STATUS_WORDS.get(run["status"], run["status"]),
            str(run["rows"]),
            run["alerts"] or run["reason"][:120],
        )
        for run in runs
    )
    failed = sum(run["status"] != "succeeded" for run in runs)
    return Result(
        summary=f"{len(runs)} runs of 2 queries, {failed} failed, {exports} exports",
        title=f"{len(events.mails)} mails from the life of a query",
        lead="A query is added, calls, is changed, is over and is removed; another one fails and is fixed. Each run "
        "asked DuckDB over the lake, through the deployed functions, in simulated time.",
        numbers=((len(runs), "runs"), (failed, "failed"), (exports, "exports"), (len(events.mails), "mails")),
        timeline=events,
        tables=(Table("The runs", ("due", "query", "status", "rows", "alerts or reason"), rows),),
        files=(File("exports/", f"{exports} results as CSV, as Athena wrote them"),),
    )
