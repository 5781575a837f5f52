"""The page of a play: what every system's result looks like."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from deliverywatch.local.cloud.mail.outbox import Mail
from deliverywatch.local.demo import report
from deliverywatch.local.demo.chats import ChatMessage, Line
from deliverywatch.local.demo.report import File, Result, Table
from deliverywatch.local.demo.timeline import Entry, NumberedMail, Timeline

NOON = datetime(2026, 8, 29, 12, 4, tzinfo=UTC)
MAIL = Mail(NOON, b"Subject: [WARNING] Orders <late>\r\nTo: a@example.com\r\n\r\nOne file <is> stuck.\r\n")


def result() -> Result:
    mail = NumberedMail(1, MAIL, "WARNING", "OPENED", "01-opened-1204")
    table = Table("Objects", ("key", "state"), (("a<b>.csv", "stored"),))
    events = Timeline((mail,), (Entry(NOON, "act", "A file is uploaded"),))
    return Result("Over.", "1 mail", "A day.", ((3, "files"),), events, (table,), (File("x.json", "facts"),))


def test_a_page_shows_what_happened_and_escapes_what_it_did_not_write(tmp_path: Path) -> None:
    html = report.write(result(), tmp_path).page.read_text()
    assert "A file is uploaded" in html
    assert "[WARNING] Orders &lt;late&gt;" in html
    assert "<th>key</th>" in html
    assert "a&lt;b&gt;.csv" in html
    assert 'href="x.json"' in html


def test_a_page_of_long_words_is_whole_and_legible(
    tmp_path: Path, look: Callable[[Path | str, str], list[str]]
) -> None:
    long = "nightly_load_" * 20
    chat = ChatMessage("Slack", NOON, long, (Line("text", long), Line("number", "3 %", long), Line("code", long)))
    mail = Mail(NOON, f"Subject: [CRITICAL] {long}\r\nTo: a@example.com\r\n\r\n{long}\r\n".encode())
    numbered = NumberedMail(12, mail, "CRITICAL", "OPENED", "12-opened-1204", (chat,) * 3)
    table = Table(long, ("key", "state", "reason"), ((long, "stored", long),))
    file = File("x.json", long, f"deliverywatch lake show {long}")
    events = Timeline((numbered,), (Entry(NOON, "act", long), Entry(NOON, "alarm", long, "ALARM")))
    written = report.write(Result("Over.", long, long, ((3, long),) * 4, events, (table,), (file,)), tmp_path / "out")
    assert look(written.page, "demo-long-words") == []
    assert look(tmp_path / "out/mails/12-opened-1204.html", "demo-mail-without-html") == []


def test_a_mail_without_html_can_be_read_in_a_browser_too(tmp_path: Path) -> None:
    report.write(result(), tmp_path)
    assert ">One file &lt;is&gt; stuck." in (tmp_path / "mails/01-opened-1204.html").read_text()


def test_the_timeline_is_there_for_programs(tmp_path: Path) -> None:
    report.write(result(), tmp_path)
    assert '"at": "2026-08-29T12:04:00Z"' in (tmp_path / "timeline.json").read_text()
