"""`deliverywatch lake show`: what is in a lake, for people and for programs."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from deliverywatch.cli import main
from deliverywatch.sms.lake.columns import COLUMNS

if TYPE_CHECKING:
    from deliverywatch.local.clicksend.server import ClickSendServer


@pytest.fixture
def lake(clicksend: ClickSendServer, begin: datetime, tmp_path: Path) -> Path:
    arguments = ["ingest", "--once", "--lake", str(tmp_path), "--since", begin.isoformat()]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    return tmp_path


def show(lake: Path, *more: str) -> Result:
    return CliRunner().invoke(main, ["lake", "show", str(lake), *more])


def test_json_has_a_stable_shape(lake: Path, begin: datetime) -> None:
    document: dict[str, Any] = json.loads(show(lake, "--json").stdout)
    counts = {"total": 54, "delivered": 42, "failed": 6, "pending": 6, "excluded": 6, "unknown": 0}
    assert list(document) == ["hours", "totals", "faults", "reasons"]
    assert document["hours"][0] == {"hour": f"{begin:%Y-%m-%dT%H}:00:00Z", **counts}
    assert document["totals"] == {name: 3 * count for name, count in counts.items()}
    assert document["faults"] == {"recipient": 0, "carrier": 18, "provider": 0, "content": 0, "account": 0, "none": 0}
    reason = {"code": "14", "text": "Recipient network error or congestion", "fault": "carrier", "count": 18}
    assert document["reasons"] == [reason]


def test_the_total_is_that_of_the_metric(lake: Path) -> None:
    totals = json.loads(show(lake, "--json").stdout)["totals"]
    assert totals["total"] == sum(totals[name] for name in ("delivered", "failed", "pending", "unknown"))


def test_the_tables_fit_80_columns(lake: Path, begin: datetime) -> None:
    lines = show(lake).stdout.splitlines()
    assert max(map(len, lines)) <= 80
    rows = [line.split() for line in lines]
    assert [f"{begin:%Y-%m-%d}", f"{begin:%H}:00", "54", "42", "6", "6", "6", "0", "11.1"] in rows
    assert ["all", "162", "126", "18", "18", "18", "0", "11.1"] in rows
    assert ["18", "14", "carrier", "Recipient", "network", "error", "or", "congestion"] in rows


def test_an_empty_lake_says_what_to_do(tmp_path: Path) -> None:
    assert "deliverywatch ingest --once" in show(tmp_path).stdout
    assert json.loads(show(tmp_path, "--json").stdout)["hours"] == []


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = show(tmp_path / "nowhere")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: There is no folder {tmp_path / 'nowhere'}.")


def untrusted_file(path: Path, **columns: list[Any]) -> None:
    pq.write_table(pa.table(columns), path)


OURS = {column.name: ["x"] for column in COLUMNS} | {"sent_at": [0], "outcome": ["failed"], "fault": ["none"]}


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"PAR1 and no more"),
        lambda path: untrusted_file(path, some=[1], thing=["else"]),
        lambda path: untrusted_file(path, **(OURS | {"outcome": ["arrived"]})),
        lambda path: untrusted_file(path, **(OURS | {"fault": ["nobody"]})),
        lambda path: untrusted_file(path, **{name: [1] for name in OURS}),
    ],
)
def test_a_file_that_is_no_hour_of_a_lake_is_named(lake: Path, write: Any) -> None:
    path = lake / "sms/dt=2026-11-21/09.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path)
    result = show(lake)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"Error: {path} is not an object of a DeliveryWatch lake, or it is damaged.")
    assert len(result.stderr.splitlines()) == 1


def test_a_file_with_another_name_is_named(lake: Path) -> None:
    (object_,) = list(lake.glob("sms/*/*.parquet"))[:1]
    stray = object_.rename(object_.with_name("copy.parquet"))
    assert f"{stray} is not an object" in show(lake).stderr


def test_foreign_words_are_printed_as_they_are_without_control_characters(lake: Path, begin: datetime) -> None:
    (path,) = lake.glob(f"sms/*/{begin:%H}.parquet")
    untrusted_file(path, **(OURS | {"error_code": ["77"], "status_text": ["[/bold] [red]\x1b[31m"]}))
    assert "1   77 none    [/bold] [red][31m" in show(lake).stdout


def test_a_lake_that_was_read_and_is_empty_asks_for_the_time_before(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state/sms-watermark.json").write_text('{"covered_until": "2026-11-21T12:10:00Z"}')
    told = show(tmp_path).stdout
    assert "nothing was sent in the hours that were read" in told
    assert f"--lake {tmp_path}" in told
    assert "deliverywatch backfill --since 2" in told
