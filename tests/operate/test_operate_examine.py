"""The nightly checks: what fails is published once as blind, with the command that fixes it, and its end once."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliverywatch.errors import DeliveryWatchError
from deliverywatch.messages import context
from deliverywatch.messages.level import Level
from deliverywatch.messages.notice import SystemNotice
from deliverywatch.operate.doctor import findings
from deliverywatch.operate.doctor.check import Check, failed, ok, warning, with_target
from deliverywatch.operate.doctor.findings import Findings
from deliverywatch.operate.examine import Ports, examine
from deliverywatch.storage.memory import Memory

NOW = datetime(2026, 11, 21, 5, 30, tzinfo=UTC)
NIGHT = timedelta(days=1)
LOST = failed("fallback", "Nobody is subscribed to the fallback topic.", "aws sns subscribe --topic-arn x")
BACK = ok("fallback", "somebody@example.com is notified when SES fails.")
STOPPED = failed("concurrency", "notify never runs.", "aws lambda delete-function-concurrency --function-name notify")


@dataclass
class Stack:
    """A stack with its topics, over a memory."""

    store: Memory = field(default_factory=Memory)
    notices: list[SystemNotice] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    error: Exception | None = None

    def notify(self, notice: SystemNotice) -> None:
        if self.error:
            raise self.error
        self.notices.append(notice)

    def night(self, *checks: Check, now: datetime = NOW) -> Findings:
        ports = Ports(
            store=self.store,
            notify=self.notify,
            fallback=lambda subject, text: self.texts.append((subject, text)),
            emit=self.counts.append,
            command=lambda command: f"{command} --region eu-west-1",
        )
        return examine(checks, ports, "deliverywatch-prod", now)

    def levels(self) -> list[tuple[str, str]]:
        return [(notice.watch, notice.level.value) for notice in self.notices]


def test_a_check_that_fails_is_a_notice_with_the_command_that_fixes_it() -> None:
    stack = Stack()
    stack.night(LOST, ok("sender", "fine."))
    (notice,) = stack.notices
    assert (notice.watch, notice.level, notice.sentence) == ("operate-doctor.fallback", Level.BLIND, LOST.finding)
    left = context.from_json(stack.store.objects["state/operate-doctor.fallback.json"])
    assert left.blind_steps[0] == "aws sns subscribe --topic-arn x --region eu-west-1"
    assert stack.counts == [1]
    # The fallback is no use here, and the notifier works.
    assert stack.texts == []


def test_its_end_is_published_once() -> None:
    stack = Stack()
    for number, check in enumerate((LOST, LOST, BACK, BACK)):
        stack.night(check, now=NOW + number * NIGHT)
    watch = "operate-doctor.fallback"
    assert stack.levels() == [(watch, "blind"), (watch, "blind"), (watch, "ok")]
    assert stack.counts == [1, 1, 0, 0]


def test_what_stops_the_notifier_goes_to_the_fallback_topic_once_and_so_does_its_end() -> None:
    stack = Stack()
    stack.night(STOPPED)
    stack.night(STOPPED, now=NOW + NIGHT)
    stack.night(ok("concurrency", "fine."), now=NOW + 2 * NIGHT)
    ((subject, text), end) = stack.texts
    assert end[0] == "[RESOLVED] Checks pass again - deliverywatch-prod"
    assert subject == "[BLIND] 1 check failed - deliverywatch-prod"
    assert "notify never runs." in text and "delete-function-concurrency --function-name notify" in text


def test_a_notice_that_cannot_be_published_goes_to_the_fallback_topic_and_is_tried_again() -> None:
    stack = Stack(error=RuntimeError("SNS is away"))
    with pytest.raises(DeliveryWatchError):
        stack.night(LOST)
    assert LOST.finding in stack.texts[0][1]
    stack.error = None
    stack.night(LOST)
    assert stack.levels() == [("operate-doctor.fallback", "blind")]


def test_a_warning_is_no_finding() -> None:
    stack = Stack()
    assert stack.night(warning("dkim", "unsigned", "sign")).failing == ()
    assert (stack.notices, stack.counts) == ([], [0])


def test_a_check_that_was_not_made_is_not_taken_for_passed() -> None:
    stack = Stack()
    stack.night(LOST)
    again = stack.night(now=NOW + NIGHT)
    assert [one.check for one in again.failing] == ["fallback"]
    assert stack.levels() == [("operate-doctor.fallback", "blind")] * 2


def test_a_finding_keeps_when_it_began_and_what_is_past_is_kept_for_a_week() -> None:
    stack = Stack()
    for number, check in enumerate((LOST, LOST, BACK)):
        made = stack.night(check, now=NOW + number * NIGHT)
    assert [(one.since, one.until) for one in made.past] == [(NOW, NOW + 2 * NIGHT)]
    assert stack.night(BACK, now=NOW + 11 * NIGHT).past == ()
    assert findings.read(stack.store) is not None


def test_a_record_that_cannot_be_read_is_begun_anew() -> None:
    stack = Stack()
    stack.store.write(findings.KEY, b"half a rec")
    stack.night(LOST)
    read = findings.read(stack.store)
    assert read is not None and [one.check for one in read.failing] == ["fallback"]
    assert stack.store.objects[f"damaged/{findings.KEY}"] == b"half a rec"


def test_what_passes_again_is_published_although_the_record_was_lost() -> None:
    stack = Stack()
    stack.night(LOST)
    stack.store.write(findings.KEY, b"half a rec")
    for number in (1, 2):
        stack.night(BACK, now=NOW + number * NIGHT)
    assert stack.levels() == [("operate-doctor.fallback", "blind"), ("operate-doctor.fallback", "ok")]


def test_every_command_names_the_stack() -> None:
    stack = Stack()
    stack.night(LOST)
    left = context.from_json(stack.store.objects["state/operate-doctor.fallback.json"])
    commands = [*left.blind_steps, dict(stack.notices[0].facts)["Command"]]
    assert all("--region eu-west-1" in command for command in commands)
    named = with_target("deliverywatch doctor", stack="my-stack", region="eu-west-1")
    assert named == "deliverywatch doctor --stack my-stack --region eu-west-1"


def test_a_night_that_goes_by_without_checks_is_late() -> None:
    made = Findings(NOW)
    assert not made.is_late(NOW + NIGHT) and made.is_late(NOW + 2 * NIGHT)


_CHECKS = st.lists(
    st.builds(
        lambda name, bad: failed(name, "x", "y") if bad else ok(name, "x"), st.sampled_from("abc"), st.booleans()
    ),
    max_size=4,
)


@given(st.lists(_CHECKS, max_size=6))
def test_whatever_happens_the_last_notice_of_a_check_tells_how_it_was_made_last(nights: list[list[Check]]) -> None:
    stack = Stack()
    last: dict[str, str] = {}
    for number, checks in enumerate(nights):
        stack.night(*checks, now=NOW + number * NIGHT)
        last |= {check.name: check.verdict.value for check in checks}
    levels = dict(stack.levels())
    wanted = {f"operate-doctor.{name}": "blind" if verdict == "failed" else "ok" for name, verdict in last.items()}
    assert {watch: level for watch, level in wanted.items() if levels.get(watch, "ok") != level} == {}


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("aws sns subscribe", "aws --region eu-west-1 sns subscribe"),
        ("deliverywatch deploy --revert-drift", "deliverywatch deploy --stack other --region eu-west-1 --revert-drift"),
        ("Ask ClickSend why.", "Ask ClickSend why."),
    ],
)
def test_a_command_names_its_stack(command: str, named: str) -> None:
    assert with_target(command, "other", "eu-west-1") == named


def test_findings_of_a_later_version_are_written_again() -> None:
    body = json.dumps({"deliverywatch": 1, "at": "2026-11-21T05:30:00Z", "findings": [], "more": [1]}).encode()
    assert json.loads(findings.to_json(findings.from_json(body)))["more"] == [1]
