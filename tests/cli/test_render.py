"""`deliverywatch render`: a message in a file becomes the mail it would cause."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deliverywatch.cli import main

EVENTS = Path(__file__).parents[1] / "events"
WATCHES = {
    "watches": [
        {
            "name": "sms-failures",
            "title": "SMS failures",
            "context": "state/sms.json",
            "rungs": [{"alarm": "sms-critical", "level": "critical"}, {"alarm": "sms-warning", "level": "warning"}],
        }
    ]
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["render", *map(str, arguments)])


def test_one_message_becomes_one_mail_in_three_forms(folder: Path) -> None:
    result = run(EVENTS / "sns_metric.json", "--out", "mails")
    assert result.exit_code == 0
    assert result.stdout.strip() == "mails/mail.eml, .html, .txt: [ALARM] orders-queue-age - prod - INC-1121-1204"
    assert sorted(path.name for path in (folder / "mails").iterdir()) == ["mail.eml", "mail.html", "mail.txt"]
    assert "1,843" in (folder / "mails/mail.txt").read_text()


def test_without_the_watches_file_it_says_that_the_alarm_stands_for_itself(folder: Path) -> None:
    assert "every alarm stands for itself" in run(EVENTS / "sns_ok.json", "--out", "mails").stderr


def test_several_records_become_the_mails_of_one_incident(folder: Path) -> None:
    (folder / "build").mkdir()
    (folder / "build/watches.json").write_text(json.dumps(WATCHES))
    result = run(EVENTS / "sns_two_records.json", "--out", "mails", "--context", EVENTS / "sms_context.json")
    assert [line.partition(": ")[2] for line in result.output.splitlines()] == [
        "[WARNING] SMS failures 6.1% - prod - INC-1121-1204",
        "[CRITICAL] SMS failures 29% - prod - INC-1121-1204",
    ]
    assert "Concentrated: 96 %" in (folder / "mails/mail-2.txt").read_text()


def test_the_watches_zone_environment_and_region_can_be_named(folder: Path) -> None:
    watches = folder / "w.json"
    watches.write_text(json.dumps(WATCHES))
    options = (
        "--watches",
        watches,
        "--time-zone",
        "Europe/Berlin",
        "--environment",
        "prod",
        "--region",
        "eu-central-1",
    )
    result = run(EVENTS / "sns_metric_math.json", "--out", "mails", *options)
    assert "[CRITICAL] SMS failures 29% - prod" in result.output
    text = (folder / "mails/mail.txt").read_text()
    assert "13:04 CET" in text
    assert "https://eu-central-1.console.aws.amazon.com/athena" in text


def test_the_end_of_an_incident_nobody_saw_begin_is_a_mail_too(folder: Path) -> None:
    result = run(EVENTS / "sns_ok.json", "--out", "mails")
    assert "[RESOLVED] orders-queue-age - prod - INC-1121-1231" in result.output


@pytest.mark.parametrize("event", ["sns_insufficient_data.json", "sns_ok_after_deploy.json"])
def test_a_message_that_causes_no_mail_says_so(folder: Path, event: str) -> None:
    result = run(EVENTS / event, "--out", "mails")
    assert result.exit_code == 0
    assert result.output.startswith("No mail: the message leaves alarm.")
    assert not (folder / "mails").exists()


def test_a_bare_message_of_an_opened_and_ended_ladder_steps_down(folder: Path) -> None:
    first = json.loads((EVENTS / "sns_two_records.json").read_text())["Records"]
    end = [json.loads(json.dumps(record)) for record in first[::-1]]
    for number, record in enumerate(end):
        message = json.loads(record["Sns"]["Message"])
        message |= {
            "NewStateValue": "OK",
            "OldStateValue": "ALARM",
            "StateChangeTime": f"2026-11-21T12:{40 + number}:00Z",
        }
        record["Sns"]["Message"] = json.dumps(message)
    event = folder / "event.json"
    event.write_text(json.dumps({"Records": [*first, *end]}))
    watches = folder / "w.json"
    watches.write_text(json.dumps(WATCHES))
    result = run(event, "--out", "mails", "--watches", watches)
    words = [line.partition("[")[2].split()[0].rstrip("]") for line in result.output.splitlines()]
    assert words == ["WARNING", "CRITICAL", "WARNING", "RESOLVED"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("absent.json",), "absent.json cannot be read"),
        (("broken.json",), "broken.json is not JSON"),
        ((EVENTS / "sns_ok.json", "--context", "absent.json"), "absent.json cannot be read"),
        ((EVENTS / "sns_ok.json", "--watches", "broken.json"), "broken.json is not JSON"),
        ((EVENTS / "sns_ok.json", "--watches", EVENTS / "sns_ok.json"), "no list `watches`"),
        ((EVENTS / "sns_ok.json", "--time-zone", "Mars/Olympus"), "There is no time zone 'Mars/Olympus'"),
        ((EVENTS / "sns_ok.json", "--time-zone", "posix/Europe/Rome"), "There is no time zone 'posix/Europe/Rome'"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(folder: Path, arguments: tuple[object, ...], says: str) -> None:
    (folder / "broken.json").write_text("{broken")
    result = run(*arguments, "--out", "mails")
    assert result.exit_code == 2
    assert says in result.output
    assert "Traceback" not in result.output
    assert len(result.output.splitlines()) == 1


def test_a_folder_that_cannot_be_written_is_bad_input(folder: Path) -> None:
    (folder / "mails").write_text("a file")
    result = run(EVENTS / "sns_metric.json", "--out", "mails/inside")
    assert result.exit_code == 2
    assert "cannot be written" in result.output


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{}", "is not a context: it holds nothing for a mail."),
        ('{"AlarmName": "x"}', "is not a context: it holds nothing for a mail."),
        ("[1, 2]", "is not a context: it holds nothing for a mail."),
        ('{"slots": "many", "window": 5}', "is not a context: it holds nothing for a mail."),
        ("rubbish", "is not JSON"),
    ],
)
def test_a_context_that_says_nothing_is_refused(folder: Path, content: str, sentence: str) -> None:
    (folder / "context.json").write_text(content)
    result = run(EVENTS / "sns_metric.json", "--out", "mails", "--context", "context.json")
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert not (folder / "mails").exists()
