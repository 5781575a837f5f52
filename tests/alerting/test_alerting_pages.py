"""The mails in a real browser, as narrow as a phone and as wide as a screen, however long the words are."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
from alerting_fakes import World

from deliverywatch.local.cloud.mail.outbox import Mail
from deliverywatch.local.demo import report

GOLDEN = sorted(Path(__file__).parents[1].glob("*/golden/*.eml"))


def long_words() -> World:
    """A notice whose every text is one word that is longer than a line."""
    word, world = "nightly_load_" * 12, World()
    facts = {word: word, "Error": f"s3://{word}/{word}"}
    notice = {"deliverywatch": 1, "watch": "pipeline-x", "level": "critical", "time": "2026-11-21T12:04:00Z"}
    context = {"system": "pipeline", "steps": [word], "links": [{"title": word, "url": f"https://example.com/{word}"}]}
    world.store.memory.write("state/pipeline-x.json", json.dumps(context).encode())
    world.tell({**notice, "title": f"{word}: failed", "sentence": f"`{word}`: {word}. {word}", "facts": facts})
    return world


def readable(source: bytes, folder: Path) -> Path:
    """A mail with its pictures inside, as a mail client shows it."""
    page = folder / "mail.html"
    page.write_text(report.readable(Mail(datetime.now(UTC), source)), encoding="utf-8")
    return page


@pytest.mark.parametrize("mail", GOLDEN, ids=lambda path: path.stem)
def test_a_mail_is_whole_and_legible_wherever_it_is_read(
    mail: Path, look: Callable[[Path | str, str], list[str]], tmp_path: Path
) -> None:
    assert look(readable(mail.read_bytes(), tmp_path), f"mail-{mail.stem}") == []


def test_a_mail_of_words_longer_than_a_line_is_whole(
    look: Callable[[Path | str, str], list[str]], tmp_path: Path
) -> None:
    (mail,) = long_words().ses.mails
    assert isinstance(mail, EmailMessage)
    assert look(readable(mail.as_bytes(), tmp_path), "mail-long-words") == []
