"""`deliverywatch demo`, as it is typed."""

import re
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from deliverywatch.cli import main
from deliverywatch.local.cloud.emulator import emulator

pytestmark = pytest.mark.slow


def test_the_command_plays_the_incident_and_says_what_it_made_and_where(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["demo", "--fast", "--out", str(tmp_path / "result")])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert [line.split()[1:4] for line in lines if "  Mail " in line] == [
        ["Mail", "1:", "[WARNING]"],
        ["Mail", "2:", "[CRITICAL]"],
        ["Mail", "3:", "[WARNING]"],
        ["Mail", "4:", "[RESOLVED"],
    ]
    assert lines[-1].endswith("result/index.html")
    page = (tmp_path / "result" / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<code>deliverywatch ", page), "a command of the page is on no PATH"


def test_a_failure_is_one_sentence_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setattr(emulator, "_first_port", [other.getsockname()[1]])
        result = CliRunner().invoke(main, ["demo", "--fast", "--out", str(tmp_path / "result")])
    assert result.exit_code == 1
    assert "because the port is in use. Stop the program that uses the port" in result.output
