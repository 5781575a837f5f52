"""The mail: what clients, robots, phones and eyes need of it."""

import re
from collections.abc import Callable
from dataclasses import replace
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path

import pytest
from alerting_fakes import SETTINGS, World, at
from alerting_held_stories import STORIES as HELD_STORIES
from alerting_stories import CONTEXT, blind, context, events, incident, outage, overdue, put, trickle

import deliverywatch.alerting
from deliverywatch.messages.palette import TONES

TEMPLATES = Path(deliverywatch.alerting.__file__).with_name("mail") / "templates"
STORIES: dict[str, Callable[[World], None]] = {
    "incident": incident,
    "outage": outage,
    "blind": blind,
    "overdue": overdue,
    "trickle": trickle,
    "metric": events("sns_metric.json"),
    "composite": events("sns_composite.json"),
    "hostile": events("sns_hostile.json"),
    "not JSON": events("sns_not_json.json"),
    "system notice": events("sns_system_notice.json"),
    **{name: story for name, (story, _) in HELD_STORIES.items()},
}


def mails_of(story: Callable[[World], None]) -> list[EmailMessage]:
    world = World()
    story(world)
    return world.ses.mails


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


ALL = [
    pytest.param(mail, id=f"{name}-{number}")
    for name, story in STORIES.items()
    for number, mail in enumerate(mails_of(story))
]
every_mail = pytest.mark.parametrize("mail", ALL)


class Page(HTMLParser):
    """The elements of a page, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in {"meta", "br", "img"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@every_mail
def test_the_subject_is_short_plain_and_begins_with_the_state(mail: EmailMessage) -> None:
    subject = str(mail["Subject"])
    word = r"((STILL )?CRITICAL( 1d)?|WARNING|ALARM|BLIND|NOTICE|QUIET|CLOSED AS UNKNOWN|RESOLVED [0-9hmd ]+)"
    assert re.match(rf"\[{word}\] .+ - prod - (INC-1121-[0-9]{{4}}|MSG-1121-[0-9A-F]{{6}})$", subject)
    assert subject.isascii()
    assert len(subject) <= 69


@every_mail
def test_the_headers_thread_the_mail_and_keep_robots_from_answering(mail: EmailMessage) -> None:
    root = str(mail["References"]).strip()
    assert re.fullmatch(r"<(inc|msg)-1121-[0-9a-f]{4,6}\.2026\.[a-z0-9.-]+@example\.com>", root)
    assert str(mail["In-Reply-To"]).strip() == root
    assert str(mail["Message-ID"]).strip().startswith(root.partition("@")[0])
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert mail["List-Id"] == "DeliveryWatch prod <deliverywatch-prod.example.com>"
    assert str(mail["X-DeliveryWatch-Incident"]) in str(mail["Thread-Topic"])
    assert (mail["Importance"] == "high") is (mail["X-DeliveryWatch-Level"] == "critical")


def test_all_mails_of_an_incident_refer_to_one_root_that_is_none_of_them() -> None:
    mails = mails_of(incident)
    assert len({str(mail["References"]) for mail in mails}) == 1
    assert len({str(mail["Message-ID"]) for mail in mails} | {str(mails[0]["References"])}) == 5


def test_the_sender_speaks_for_its_environment_unless_it_has_a_name() -> None:
    world = World()
    incident(world)
    assert world.ses.mails[0]["From"] == '"DeliveryWatch (prod)" <alerts@example.com>'
    world = World(settings=replace(SETTINGS, sender="Night Watch <alerts@example.com>"))
    incident(world)
    assert world.ses.mails[0]["From"] == "Night Watch <alerts@example.com>"


@every_mail
def test_the_text_part_is_complete_and_fits_a_terminal(mail: EmailMessage) -> None:
    text = body(mail, "plain")
    long = [line for line in text.splitlines() if len(line) > 78 and "https://" not in line]
    assert long == []
    assert len(text.splitlines()) <= 90
    assert "\u00a0" not in text
    assert "\n\n\n" not in text
    for part in ("TIMELINE", "Stack: deliverywatch-prod", "-1121-", "You get this mail because"):
        assert part in text


@every_mail
def test_text_and_html_show_the_same_numbers(mail: EmailMessage) -> None:
    text, html = body(mail, "plain"), body(mail, "html")
    figures = re.findall(r"line-height:32px[^>]*>([^<]+)<", html)
    assert figures or mail["X-DeliveryWatch-Event"] == "NOTICE"
    for figure in figures:
        assert figure.replace("\u00a0", " ") in text


@every_mail
def test_the_markup_is_small_sound_and_needs_nothing_from_outside(mail: EmailMessage) -> None:
    html = body(mail, "html")
    assert len(html.encode()) <= 20_000
    page = Page(html)
    assert page.open == []
    assert {tag for tag, _ in page.elements} <= {
        *("html", "head", "meta", "title", "style", "body", "div", "table", "tr", "td", "th", "h1", "h2", "p"),
        *("span", "br", "ol", "li", "a", "img"),
    }
    assert all(str(link["href"]).startswith("https://") for link in page.all("a"))
    assert all(str(image["src"]).startswith("cid:") and image["alt"] for image in page.all("img"))


@every_mail
def test_the_page_can_be_read_aloud_on_a_phone_and_in_the_dark(mail: EmailMessage) -> None:
    html = body(mail, "html")
    page = Page(html)
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("h1")) == 1
    assert all("scope" in cell for cell in page.all("th"))
    names = [meta.get("name") for meta in page.all("meta")]
    assert {"viewport", "color-scheme", "supported-color-schemes"} <= set(names)
    assert "prefers-color-scheme:dark" in html
    assert "max-width:620px" in html


def test_a_mail_full_of_everything_stays_within_its_limits() -> None:
    window = CONTEXT["window"]
    long = "Recipient network error or congestion at the other side of the world, and then some"
    names = [f"Carrier number {number} with a long name" for number in range(9)]
    full = {
        "reasons": [
            {"code": str(n), "text": long, "fault": "recipient", "count": 99_999, "share_percent": 11.1}
            for n in range(9)
        ],
        "groups": {
            by: [{"name": name, "total": 99_999, "failed": 33_333} for name in names] for by in ("carrier", "country")
        },
        "samples": window["samples"] * 9,
    }
    world = World()
    for minute in range(9):
        put(world, context("12:00", [(9999, 3333)] * 18, window=window | full, steps=[long + "."] * 4))
        world.cloudwatch.measure(33_333, 99_999)
        world.alarm("sms-critical", "ALARM", f"12:{10 + 2 * minute}")
        world.cloudwatch.measure(5555, 99_999)
        world.cloudwatch.set("sms-warning", "ALARM", at(f"12:{11 + 2 * minute}"))
        world.alarm("sms-critical", "OK", f"12:{11 + 2 * minute}", old="ALARM")
    mail = world.ses.mails[-2]
    html = body(mail, "html")
    assert html.count(">Carrier number") == 6
    assert "Escalated" in html
    assert len(html.encode()) <= 20_000
    assert all(len(line) <= 78 for line in body(mail, "plain").splitlines() if "https://" not in line)


def test_foreign_text_stays_text() -> None:
    (mail,) = mails_of(STORIES["hostile"])
    html = body(mail, "html")
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "{{ 7 * 7 }}" in html
    assert mail["Bcc"] is None
    assert mail["To"] == "support@example.com, duty@example.com"
    assert "evil.example" not in html
    assert "\u202e" not in html


def test_a_context_cannot_break_out_either() -> None:
    world = World()
    bad = '"><script>x</script>\r\nBcc: a@b.c'
    sample = {"message_id": bad, "recipient": bad, "carrier": bad, "country": bad, "code": bad, "text": bad}
    window = {
        "minutes": 30,
        "reasons": [{"code": bad, "text": bad, "fault": bad, "count": bad, "share_percent": bad}],
        "groups": {bad: [{"name": bad, "total": 9, "failed": 9}]},
        "samples": [sample],
    }
    links = [{"title": bad, "url": 'https://x.example/"onclick="x'}, {"title": "no", "url": "javascript:x"}]
    put(world, context("12:00", [], window=window, noun=bad, steps=[bad], links=links))
    world.alarm("sms-critical", "ALARM", "12:04")
    (mail,) = world.ses.mails
    html = body(mail, "html")
    assert "<script" not in html
    assert "javascript:" not in html
    assert '"onclick=' not in html
    assert mail["Bcc"] is None


def test_the_picture_is_inside_the_mail_and_said_in_words() -> None:
    (mail,) = mails_of(outage)
    (image,) = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert image["Content-ID"] == "<chart@deliverywatch>"
    assert image.get_content_disposition() == "inline"
    html = body(mail, "html")
    assert 'src="cid:chart@deliverywatch"' in html
    assert "highest 81\u00a0%" in html


def test_without_a_picture_bars_and_a_sparkline_take_its_place() -> None:
    mail = mails_of(incident)[1]
    assert "cid:" not in body(mail, "html")
    assert body(mail, "html").count('<td><div style="height:') == 17
    assert "▁▁▁▁▁▁▁▁▁▁▁▁▁▁▂██" in body(mail, "plain").replace("\u2587", "█")


def test_blind_never_says_failing_and_names_the_cause() -> None:
    lost, found = mails_of(blind)
    text = body(lost, "plain")
    assert "We cannot see SMS failures since 22:30: this is not a measured outage." in text
    assert "ClickSend refuses our key (401)." in text
    assert "Put the valid key into the SSM parameter" in text
    assert "TOP REASONS" not in text
    assert "#544f70" in body(lost, "html")
    assert "We can see SMS failures again after 56 min." in body(found, "plain")


def test_the_end_shows_duration_peak_totals_and_people() -> None:
    text = " ".join(body(mails_of(incident)[-1], "plain").split())
    for part in (
        "1 h 30 min",
        "Peak 41 %",
        "Failed 711 (of 3,969 sent since 22:34)",
        "Recipients affected 590",
        "now at 1.6 %",
    ):
        assert part in text


def test_an_end_that_reaches_further_back_than_the_slots_says_so() -> None:
    world = World()
    world.alarm("sms-critical", "ALARM", "06:04")
    put(world, context("13:00", [(400, 200)]))
    world.alarm("sms-critical", "OK", "13:04", old="ALARM")
    assert "(in the last 3 hours)" in body(world.ses.mails[-1], "plain")


def test_details_that_are_older_than_the_news_say_so() -> None:
    world = World()
    put(world, context("11:00", [(400, 200)]))
    world.alarm("sms-critical", "ALARM", "12:04")
    assert "The details below are as of 22:00." in body(world.ses.mails[0], "plain")


@pytest.mark.parametrize(
    ("month", "expected"),
    [("10-03T15:30", "4 Oct 2026 01:30 AEST (15:30 UTC)"), ("10-03T16:30", "4 Oct 2026 03:30 AEDT (16:30 UTC)")],
)
def test_times_follow_the_zone_through_a_change_of_the_clock(month: str, expected: str) -> None:
    world = World()
    own = {"deliverywatch": 1, "watch": "queries.sales", "level": "warning", "time": f"2026-{month}:00Z"}
    world.tell(own)
    assert f"Time: {expected}" in body(world.ses.mails[0], "plain")


def test_an_unknown_zone_costs_the_local_time_and_no_mail() -> None:
    world = World(settings=replace(SETTINGS, time_zone="Mars/Olympus"))
    world.alarm("sms-critical", "ALARM", "12:04")
    assert "Time: 21 Nov 2026 12:04 UTC" in body(world.ses.mails[0], "plain")


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast_of(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        *[(tone.ink, tone.ground) for tone in TONES.values()],
        *[(ink, ground) for ink in ("#1f2630", "#5a6472", "#1d5aa6") for ground in ("#fdfdfc", "#f3f5f7")],
        *[(ink, ground) for ink in ("#e7e5e1", "#a7adb7", "#8db8f2") for ground in ("#1d2025", "#262a31")],
    ],
)
def test_every_text_stands_out_from_its_ground(ink: str, ground: str) -> None:
    assert contrast_of(ink, ground) >= 4.5
    texts = [*(path.read_text() for path in TEMPLATES.iterdir()), str(TONES)]
    assert {ink, ground} <= set(re.findall(r"#[0-9a-f]{6}", "".join(texts)))


def test_every_bar_stands_out_from_a_light_and_a_dark_mail() -> None:
    assert min(contrast_of(tone.fill, ground) for tone in TONES.values() for ground in ("#fdfdfc", "#1d2025")) >= 3


@pytest.mark.parametrize(
    ("prefix", "options"), [("deliverywatch-prod", ""), ("deliverywatch-test", " --stack deliverywatch-test")]
)
def test_a_mail_says_what_to_type_and_its_end_asks_nobody_to_take_it_on(prefix: str, options: str) -> None:
    world = World(settings=replace(SETTINGS, prefix=prefix))
    incident(world)
    texts = [str(mail.get_body(("plain",)).get_content()) for mail in world.ses.mails]
    opened, *_, resolved = [" ".join(each.split()) for each in texts]
    assert f"To read more: deliverywatch explain INC-1121-1204{options} " in opened
    assert f"To take it on: deliverywatch ack INC-1121-1204 --by NAME{options} " in opened
    assert "To read more" in resolved
    assert "To take it on" not in resolved


def test_advice_for_one_watch_goes_before_what_holds_for_all() -> None:
    world = World()
    advice = {"sms-overdue": ["Send one to yourself."], "sms-unknown": ["Look one up."]}
    put(world, context("12:00", [(388, 0)], overdue={"pending": 9, "total": 10, "percent": 90}, watch_steps=advice))
    world.cloudwatch.values["deliverywatch-prod-sms-overdue"] = {"value": 68.8}
    world.alarm("sms-overdue", "ALARM", "12:06")
    (mail,) = world.ses.mails
    assert "1. Send one to yourself." in body(mail, "plain")
    assert "Look one up." not in body(mail, "plain")
    assert "provider's status page" not in body(mail, "plain")


def test_advice_for_one_alarm_goes_before_that_for_the_watch_and_names_what_the_alarm_measures() -> None:
    world = World()
    of_alarm = {"sentence": "{FunctionName} is silent, {Function} too.", "steps": ["Look at {FunctionName}."]}
    advice = {"deliverywatch-prod-sms-ingest-errors": of_alarm, "deliverywatch-prod-sms-blind": {"steps": ["Wait."]}}
    put(world, context("12:00", [(388, 0)], alarm_advice=advice, blind_steps=["Look at everything."]))
    world.alarm("sms-ingest-errors", "ALARM", "12:06")
    (mail,) = world.ses.mails
    assert "deliverywatch-prod-sms-ingest is silent, {Function} too." in body(mail, "plain")
    assert "1. Look at deliverywatch-prod-sms-ingest." in body(mail, "plain")
    assert not {"Wait.", "Look at everything."} & {line.lstrip(" 123.") for line in body(mail, "plain").splitlines()}
