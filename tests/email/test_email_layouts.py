"""Whatever folders a lake has, each verb that reads it finds the same events."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from email_world import event, line

from deliverywatch.cli import main
from deliverywatch.email.events.streams import day_of

LAYOUTS = {
    "day": "events/newsletter/dt=2026-11-20",
    "year-month-day": "events/newsletter/year=2026/month=11/day=20",
    "day at the top": "newsletter/dt=2026-11-20",
    "year-month-day at the top": "newsletter/year=2026/month=11/day=20",
}


@pytest.fixture(params=LAYOUTS)
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Two objects of one day, of which one has a field that is new."""
    sent = event("Send")
    sent["mail"] |= {"timestamp": "2026-11-20T08:00:00.000Z", "brandNew": 1}
    events, landed, lake = tmp_path / "events.ndjson", tmp_path / "landed", tmp_path / "lake"
    for mail in ("a", "b"):
        events.write_bytes(line({**sent, "mail": {**sent["mail"], "messageId": mail}}))
        run("land", str(events), "--out", str(landed), "--at", "2026-11-20T09:00Z")
    folder = lake / LAYOUTS[request.param]
    folder.parent.mkdir(parents=True)
    shutil.copytree(landed / LAYOUTS["day"], folder)
    return lake


def run(*arguments: str) -> str:
    return CliRunner().invoke(main, ["email", *arguments]).stdout


def test_the_report_counts_them(lake: Path) -> None:
    report = run("report", "--lake", str(lake), "--since", "2026-11-19", "--until", "2026-11-21", "--json")
    assert [campaign["sent"] for campaign in json.loads(report)["campaigns"]] == [2]


def test_drift_names_the_new_field(lake: Path) -> None:
    assert [field["path"] for field in json.loads(run("drift", "--lake", str(lake), "--json"))["fields"]] == [
        "mail.brandNew"
    ]


def test_compact_merges_them_where_they_are(lake: Path) -> None:
    (done,) = json.loads(run("compact", "--lake", str(lake), "--day", "2026-11-20", "--json"))["days"]
    assert (done["objects"], done["rows"]) == (2, 2)
    assert len(list((lake / done["folder"]).iterdir())) == 1


@pytest.mark.parametrize(
    "key", ["events/newsletter/x", "a/dt=2026-13-01/x", "a/year=2026/month=2/day=1/x", "a/day=1/x"]
)
def test_a_folder_that_is_no_day_is_of_none(key: str) -> None:
    assert day_of(key) is None
