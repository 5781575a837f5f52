"""The headers of a mail by a strict reader of RFC 5322: ids in one piece, short lines, nothing but ASCII."""

import re
from dataclasses import replace

import pytest
from alerting_fakes import SETTINGS, World, sns
from hypothesis import given
from hypothesis import strategies as st

from deliverywatch.alerting.mail.headers import domain_of, safe

ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
DOT_ATOM = rf"{ATEXT}(?:\.{ATEXT})*"
MESSAGE_ID = re.compile(rf"<{DOT_ATOM}@{DOT_ATOM}>")
LIST_ID = re.compile(rf"(?:{ATEXT} )+<{DOT_ATOM}>")
DATE = re.compile(r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} [+-]\d{4}")
ONCE = {"from", "to", "subject", "date", "message-id", "in-reply-to", "references", "mime-version", "list-id"}


def headers_of(raw: bytes) -> dict[str, str]:
    """Read the header block as strictly as the standard is written; AssertionError for whatever it does not allow."""
    block = raw.partition(b"\r\n\r\n")[0].decode("ascii")
    assert not re.search(r"(?<!\r)\n|\r(?!\n)", block)
    for line in block.split("\r\n"):
        assert len(line) <= 998
        # A word that is longer than a line cannot be folded.
        assert len(line) <= 78 or max(map(len, line.split())) > 60
        assert line.strip()
        assert line != "Subject:"
    unfolded = re.sub(r"\r\n(?=[ \t])", "", block).split("\r\n")
    pairs = [line.partition(":") for line in unfolded]
    assert all(re.fullmatch(r"[!-9;-~]+", name) for name, _, _ in pairs)
    names = [name.lower() for name, _, _ in pairs]
    assert set(names) >= ONCE
    assert all(names.count(name) == 1 for name in ONCE)
    return {name.lower(): value.strip() for name, _, value in pairs}


def check(raw: bytes) -> dict[str, str]:
    headers = headers_of(raw)
    for name in ("message-id", "in-reply-to", "references"):
        assert MESSAGE_ID.fullmatch(headers[name]), (name, headers[name])
    assert headers["in-reply-to"] == headers["references"] != headers["message-id"]
    assert LIST_ID.fullmatch(headers["list-id"].strip()), headers["list-id"]
    assert DATE.fullmatch(headers["date"])
    return headers


def mail_of(alarm: str, sender: str = SETTINGS.sender, environment: str = "prod") -> bytes:
    world = World(settings=replace(SETTINGS, sender=sender, environment=environment))
    world.cloudwatch.is_down = True
    world.tell(sns({"AlarmName": alarm, "NewStateValue": "ALARM", "OldStateValue": "OK"}))
    (raw,) = world.ses.messages
    return raw


LONG = "a" * 60 + "." + "b" * 60 + ".example.com"


@pytest.mark.parametrize(
    "alarm", ["orders", "o" * 255, "Bestellungen überfällig", "a b <c>@d", "...", "订单" * 60, "\r\nBcc: x@y.z"]
)
@pytest.mark.parametrize(
    "sender", ["alerts@example.com", "alerts@notifications.company.co.uk", f"alerts@{LONG}", "Wache <a@my-company.com>"]
)
def test_any_alarm_and_any_sender_give_headers_that_a_strict_reader_takes(alarm: str, sender: str) -> None:
    headers = check(mail_of(alarm, sender))
    assert sender.rpartition("@")[2].strip(">") in headers["references"]
    assert "bcc" not in headers


@pytest.mark.parametrize("environment", ["prod", "a-very-long-name-of-an-environment-with-many-words-in-it", "Prüfung"])
def test_any_environment_does_too(environment: str) -> None:
    check(mail_of("orders", environment=environment))


def test_the_id_of_a_conversation_is_short_and_fits_its_line() -> None:
    for alarm in ("orders", "o" * 255):
        (line,) = re.findall(rb"\r\nIn-Reply-To: [^\r]*", mail_of(alarm, "alerts@notifications.company.co.uk"))
        assert len(line) <= 80


def test_two_watches_of_one_minute_are_two_conversations() -> None:
    assert headers_of(mail_of("orders"))["references"] != headers_of(mail_of("invoices"))["references"]


@given(st.text(max_size=80))
def test_the_parts_of_ids_are_dot_atoms_for_any_text(name: str) -> None:
    assert re.fullmatch(DOT_ATOM, safe(name))
    assert re.fullmatch(DOT_ATOM, domain_of(name))


@pytest.mark.parametrize("address", ["", "alerts", "alerts@", "a@b..c", f"a@{'x' * 64}.com", "a@\udcff", "a@b c"])
def test_what_is_no_domain_is_replaced_by_one_that_nobody_has(address: str) -> None:
    assert domain_of(address) == "deliverywatch.invalid"


def test_a_domain_in_another_script_stands_in_its_ascii_form() -> None:
    assert domain_of("a@bücher.example") == "xn--bcher-kva.example"


def test_a_sender_that_is_no_address_costs_the_mail_and_not_the_news() -> None:
    world = World(settings=replace(SETTINGS, sender="nobody at all"))
    world.alarm("sms-critical", "ALARM", "12:04")
    ((subject, body),) = world.ses.texts
    assert subject.startswith("[CRITICAL] SMS failures")
    assert "Its headers cannot be written" in body
