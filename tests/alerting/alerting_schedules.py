"""Random schedules of a notifier's life, each from a seed, and what must hold when all is calm again.

Messages come twice, late, out of order or not at all; invocations are killed between any two calls, and others run in
their middle; S3, SES and CloudWatch fail; alarms are deleted; assessments are fresh, stale or too little; clocks are
apart. Lambda starts a failed invocation again, twice at most, with the same request id.
"""

from __future__ import annotations

import email
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email import policy
from functools import partial
from typing import TYPE_CHECKING, Any

from alerting_fakes import ASSESSED, PREFIX, SETTINGS, FakeCloudWatch, FakeStack, at, message

from deliverywatch.alerting.incidents.incident import Change, Incident, from_json
from deliverywatch.alerting.notify import Notifier
from deliverywatch.alerting.ports import Ports, Unrecorded
from deliverywatch.errors import MailUnavailable, MetricsUnavailable, StoreUnavailable
from deliverywatch.messages.level import Level
from deliverywatch.storage.memory import Memory

if TYPE_CHECKING:
    from deliverywatch.alerting.inputs.alarm import Alarm

FAILURES, OVERDUE, BLIND, REPORTED = "sms-failures", "sms-overdue", "sms-blind", "queries.sales"
ALARMS = {
    "sms-critical": (FAILURES, Level.CRITICAL),
    "sms-warning": (FAILURES, Level.WARNING),
    "sms-overdue": (OVERDUE, Level.WARNING),
    "sms-blind": (BLIND, Level.BLIND),
    "sms-ingest-errors": (BLIND, Level.BLIND),
}
# The failures are assessed, so they have no recovery alarms.
WATCHES = tuple(
    replace(watch, severities=tuple(replace(severity, recovery="") for severity in watch.severities))
    for watch in ASSESSED
    if watch.name in (FAILURES, OVERDUE, BLIND)
)
NAMES = (FAILURES, OVERDUE, BLIND, REPORTED)
TITLES = {watch.title: watch.name for watch in WATCHES} | {REPORTED: REPORTED}
RETRIES = 2
CALM_SWEEPS = 4


class KilledError(BaseException):
    """The function is killed here; nothing in it can catch that."""


@dataclass
class Faults:
    """What goes wrong in one invocation, counted in calls of ports; each call has a moment before and one after it."""

    kill_at: int = -1
    between: dict[int, Callable[[], None]] = field(default_factory=dict)
    calls: int = 0

    def moment(self) -> None:
        """Pass one moment."""
        self.calls += 1
        if self.calls == self.kill_at:
            raise KilledError
        self.between.pop(self.calls, lambda: None)()


@dataclass(frozen=True)
class Waiting:
    """A message, or a retry of one."""

    body: Mapping[str, Any]
    request: str
    attempt: int = 0


@dataclass(frozen=True)
class Sent:
    """A mail that went out."""

    watch: str
    key: tuple[str, int]
    event: str
    level: str


class Life:
    """One schedule."""

    def __init__(self, seed: int, steps: int = 24) -> None:
        self.dice = random.Random(seed)
        self.now = at("10:00")
        self.skew = timedelta(minutes=self.dice.choice([0, 0, 0, -3, 3]))
        self.cloudwatch, self.memory, self.stack = FakeCloudWatch(), Memory(), FakeStack()
        self.containers = [Unrecorded(), Unrecorded()]
        self.busy: list[int] = []
        self.waiting, self.delivered = list[Waiting](), list[Waiting]()
        self.sent: list[Sent] = []
        self.faults = Faults()
        self.kinds: Counter[str] = Counter()
        self.s3, self.ses, self.is_cloudwatch_down = "up", "up", False
        self.has_data = dict.fromkeys(ALARMS, True)
        self.assessment: dict[str, Any] | None = None
        self.reports: list[tuple[datetime, Level]] = []
        self.judged: list[dict[str, Any]] = []
        self.reported = Level.OK
        self.number = 0
        self.proven: dict[str, list[tuple[int, Level]]] = {name: [] for name in NAMES}
        self.was_raised: set[str] = set()
        self.raised_at: Counter[str] = Counter()
        self.raise_of: Counter[str] = Counter()
        self.raise_when_mailed: dict[tuple[str, tuple[str, int]], int] = {}
        self.seen: dict[str, tuple[str, int]] = {}
        self.violations: list[str] = []
        self.step = 0
        self._refused: dict[int, bytes] = {}
        for name in ALARMS:
            self.cloudwatch.set(name, "OK", self.now - timedelta(hours=1))
        for self.step in range(1, steps + 1):
            self._note_truth()
            self.act()
        self.calm()

    @property
    def is_excused(self) -> bool:
        """Whether what was mailed without S3 is known to nobody, or two processes mailed it that share nothing else."""
        return bool(self.kinds["memory lost"] or self.kinds["mailed by two processes without S3"])

    # What happens

    def act(self) -> None:
        """Let one thing happen."""
        actions = {
            self.alarm_changes: 6,
            self.data_come_or_go: 2,
            self.alarm_goes_or_comes: 2,
            self.system_judges: 4,
            self.system_reports: 2,
            self.services_change: 2,
            self.message_is_handled: 10,
            self.message_comes_again: 2,
            self.time_passes: 5,
        }
        self.dice.choices(list(actions), list(actions.values()))[0]()

    def alarm_changes(self) -> None:
        name, state = self.dice.choice(list(ALARMS)), self.dice.choice(["OK", "ALARM", "ALARM", "INSUFFICIENT_DATA"])
        alarm = self.cloudwatch.alarms.get(f"{PREFIX}-{name}")
        if alarm is None or alarm.state is None or alarm.state.value == state:
            return
        self._advance(minutes=1)
        self.has_data[name] = True
        self.cloudwatch.set(name, state, self.now + self.skew)
        if state == "ALARM":
            self.raised_at[ALARMS[name][0]] = self.step
        body = message(name, state, f"{(self.now + self.skew):%H:%M}", alarm.state.value)
        body["StateChangeTime"] = (self.now + self.skew).isoformat()
        # Of an alarm that was raised for a moment, and whose message is lost, the notifier cannot know.
        if state != "INSUFFICIENT_DATA" and self._publish(body) and state == "ALARM":
            self.was_raised.add(name)

    def data_come_or_go(self) -> None:
        name = self.dice.choice(["sms-critical", "sms-warning"])
        self.has_data[name] = not self.has_data[name]

    def alarm_goes_or_comes(self) -> None:
        name = f"{PREFIX}-{self.dice.choice(list(ALARMS))}"
        if self.dice.random() < 0.3:
            self.stack.changing = not self.stack.changing
        if name in self.cloudwatch.alarms and self.dice.random() < 0.4:
            self.kinds["deleted"] += 1
            del self.cloudwatch.alarms[name]
            self.was_raised.add(name.removeprefix(f"{PREFIX}-"))
            self.raised_at[ALARMS[name.removeprefix(f"{PREFIX}-")][0]] = self.step
        elif name not in self.cloudwatch.alarms:
            self._restore(name)

    def system_judges(self) -> None:
        verdict = self.dice.choice(["healthy", "healthy", "failing", "failing", "too_little", "blind"])
        level = self.dice.choice(["ok", "warning", "critical"]) if verdict == "failing" else "ok"
        age = timedelta(minutes=self.dice.choice([0, 0, 0, 10, 40]))
        self.assessment = {"verdict": verdict, "as_of": (self.now - age).isoformat(), "opens": level, "holds": level}
        self.judged.append(self.assessment)
        if level != "ok":
            self.raised_at[FAILURES] = self.step
        self._write_assessment()
        if self.dice.random() < 0.5:
            own = {"deliverywatch": 1, "watch": FAILURES, "level": level, "time": self.now.isoformat()}
            self._publish(own | {"assessment": self.assessment})

    def system_reports(self) -> None:
        self.reported = self.dice.choice([Level.OK, Level.WARNING, Level.CRITICAL])
        self._advance(minutes=1)
        self.reports.append((self.now, self.reported))
        if self.reported is not Level.OK:
            self.raised_at[REPORTED] = self.step
        own = {"deliverywatch": 1, "watch": REPORTED, "level": self.reported.value, "time": self.now.isoformat()}
        # A system's notice is not made up for by a sweep: only SNS's own retries and dead letters save it.
        self._publish(own, may_drop=False)

    def services_change(self) -> None:
        what = self.dice.choice(["s3", "ses", "cloudwatch"])
        if what == "s3":
            self.s3 = self.dice.choice(["up", "up", "down", "no writes", "no mails", "lost answers"])
            self.kinds["s3"] += self.s3 != "up"
        elif what == "ses":
            self.ses = self.dice.choice(["up", "up", "fallback", "down"])
            self.kinds["ses"] += self.ses != "up"
        else:
            self.is_cloudwatch_down = not self.is_cloudwatch_down
            self.kinds["cloudwatch"] += self.is_cloudwatch_down

    def message_is_handled(self) -> None:
        if self.waiting:
            waiting = self.waiting.pop(self.dice.randrange(len(self.waiting)))
            self.delivered.append(waiting)
            self.invoke(waiting)

    def message_comes_again(self) -> None:
        if self.delivered:
            self.kinds["duplicated"] += 1
            self.number += 1
            self.invoke(replace(self.dice.choice(self.delivered), request=f"again-{self.number}", attempt=0))

    def time_passes(self) -> None:
        self._advance(minutes=self.dice.choice([1, 5, 10, 10, 70]))
        self.sweep()

    def sweep(self) -> None:
        self.number += 1
        self.invoke(Waiting({"sweep": self.now.isoformat()}, f"sweep-{self.number}", attempt=RETRIES))

    # One invocation

    def invoke(self, waiting: Waiting) -> None:
        """Run an invocation with its faults; Lambda tries a failed one again later."""
        outer, self.faults = self.faults, self._faults_of_invocation()
        # A process handles one event at a time: what comes meanwhile goes to the other one.
        chosen = self.dice.randrange(2)
        container = 1 - chosen if chosen in self.busy else chosen
        self.busy.append(container)
        before = len(self.sent)
        try:
            self._notifier(waiting.request, container).run(waiting.body, self.now)
        except KilledError:
            self.kinds["killed"] += 1
            self._lose(container)
            is_unmarked = any(not self._is_marked(sent) for sent in self.sent[before:])
            self.kinds["killed after sending"] += is_unmarked
            # Killed before it could even remember what it mailed.
            self.kinds["memory lost"] += is_unmarked and self.s3 != "up"
            self._again(waiting)
        except (StoreUnavailable, MailUnavailable, MetricsUnavailable):
            self._again(waiting)
        finally:
            self.busy.pop()
            self.faults = outer
        both = self.containers[0].incidents.keys() & self.containers[1].incidents.keys()
        self.kinds["mailed by two processes without S3"] += bool(both)
        self._check_changes()

    def _faults_of_invocation(self) -> Faults:
        if self.dice.random() < 0.6 or len(self.busy) > 1:
            return Faults()
        faults = Faults()
        if self.dice.random() < 0.5:
            faults.kill_at = self.dice.randint(1, 40)
        if self.dice.random() < 0.6:
            moment = self.dice.randint(1, 30)
            faults.between[moment] = partial(self._meanwhile, faults)
        return faults

    def _meanwhile(self, faults: Faults) -> None:
        """Let something happen in the middle of an invocation."""
        self.kinds["concurrent"] += 1
        other = [self.sweep, self.message_is_handled, self.message_comes_again, self.alarm_changes, self.system_judges]
        self.dice.choice(other)()
        self._note_truth()
        self.faults = faults

    def _again(self, waiting: Waiting) -> None:
        if waiting.attempt < RETRIES:
            self.waiting.append(replace(waiting, attempt=waiting.attempt + 1))
        elif "watch" in waiting.body and waiting.body["watch"] == REPORTED:
            # Dead letters are redriven once all is well.
            self.waiting.append(replace(waiting, attempt=0))

    def _notifier(self, request: str, container: int) -> Notifier:
        ports = Ports(
            alarms=self, store=self, mailer=self, fallback=self, charts=self, stack=self.stack,
            unrecorded=self.containers[container],
        )  # fmt: skip
        return Notifier(ports, SETTINGS, WATCHES, request)

    # The ports

    def describe(self, names: Sequence[str]) -> list[Alarm]:
        return self._called(lambda: self.cloudwatch.describe(names), self._cloudwatch_fault)

    def newest(self, alarms: Sequence[Alarm], now: datetime) -> Mapping[str, Mapping[str, float]]:
        self.cloudwatch.values = dict(self._values())
        return self._called(lambda: self.cloudwatch.newest(alarms, now), self._cloudwatch_fault)

    def sums(self, *_: Any) -> Mapping[str, float]:
        return self._called(dict, self._cloudwatch_fault)

    def is_muted(self, _: Sequence[str]) -> bool:
        return self._called(lambda: False, self._cloudwatch_fault)

    def png(self, _: str) -> bytes:
        raise MetricsUnavailable("There are no pictures here.")

    def read(self, key: str) -> Any:
        return self._called(lambda: self.memory.read(key), self._s3_fault)

    def metadata(self, key: str) -> Any:
        return self._called(lambda: self.memory.metadata(key), self._s3_fault)

    def keys(self, prefix: str) -> list[str]:
        return self._called(lambda: self.memory.keys(prefix), self._s3_fault)

    def write(self, key: str, body: bytes) -> None:
        self._called(lambda: self.memory.write(key, body), partial(self._s3_write_fault, key))
        self._lose_answer()

    def write_if_unchanged(
        self, key: str, body: bytes, etag: str | None, metadata: Mapping[str, str] | None = None
    ) -> None:
        wanted = partial(self.memory.write_if_unchanged, key, body, etag, metadata)
        self._called(wanted, partial(self._s3_write_fault, key))
        self._lose_answer()

    def delete(self, *_: Any) -> None:
        raise StoreUnavailable("The notifier deletes nothing.")

    delete_if_unchanged = delete

    def sizes(self, *_: Any) -> list[tuple[str, int]]:
        return []

    def send(self, message: bytes, sender: str, recipients: Sequence[str]) -> str:  # noqa: ARG002 - the port's
        self._refused[len(self.busy)] = message
        self.faults.moment()
        if self.ses != "up":
            raise MailUnavailable("SES does not answer.")
        self._mailed(message)
        self.faults.moment()
        return "ses"

    def publish(self, subject: str, text: str) -> str:  # noqa: ARG002 - the port's
        self.faults.moment()
        if self.ses == "down":
            raise MailUnavailable("The fallback topic does not answer.")
        self._mailed(self._refused[len(self.busy)])
        self.faults.moment()
        return "sns"

    def _called(self, call: Callable[[], Any], fault: Callable[[], None]) -> Any:
        self.faults.moment()
        fault()
        answer = call()
        self.faults.moment()
        return answer

    def _cloudwatch_fault(self) -> None:
        if self.is_cloudwatch_down:
            raise MetricsUnavailable("CloudWatch does not answer.")

    def _s3_fault(self) -> None:
        if self.s3 == "down":
            raise StoreUnavailable("S3 does not answer.")

    def _s3_write_fault(self, key: str) -> None:
        if self.s3 in ("down", "no writes") or (self.s3 == "no mails" and key.startswith("mail")):
            raise StoreUnavailable("S3 takes no writes.")

    def _lose_answer(self) -> None:
        if self.s3 == "lost answers" and self.dice.random() < 0.3:
            raise StoreUnavailable("S3 took it, and its answer was lost.")

    def _mailed(self, body: bytes) -> None:
        mail = email.message_from_bytes(body, policy=policy.compat32)
        incident, title = str(mail["X-DeliveryWatch-Incident"]), str(mail["Thread-Topic"]).partition(" - ")[0]
        number = int(str(mail["Message-ID"]).partition("@")[0].rpartition(".")[2])
        event, level = str(mail["X-DeliveryWatch-Event"]), str(mail["X-DeliveryWatch-Level"])
        self.sent.append(Sent(TITLES[title], (incident, number), event, level))
        watch = TITLES[title]
        self.raise_when_mailed.setdefault((watch, (incident, number)), self.raised_at[watch])

    # The truth, and what must hold

    def calm(self) -> None:
        """Let all be well again: messages come, services answer, sweeps run; then nothing may be wrong."""
        self.s3, self.ses, self.is_cloudwatch_down = "up", "up", False
        self.stack.changing = False
        for name in list(ALARMS):
            if f"{PREFIX}-{name}" not in self.cloudwatch.alarms and self.dice.random() < 0.7:
                self._restore(f"{PREFIX}-{name}")
        while self.waiting:
            self.message_is_handled_calmly()
        is_judged = self.dice.random() < 0.7
        for _ in range(CALM_SWEEPS):
            self._advance(minutes=10)
            if is_judged and self.assessment:
                self.assessment = self.assessment | {"as_of": self.now.isoformat()}
                self.judged.append(self.assessment)
                self._write_assessment()
            self.step += 1
            self._note_truth()
            self._run_calmly({"sweep": self.now.isoformat()})
        self.check()

    def message_is_handled_calmly(self) -> None:
        waiting = self.waiting.pop(self.dice.randrange(len(self.waiting)))
        self._run_calmly(waiting.body)

    def _run_calmly(self, body: Mapping[str, Any]) -> None:
        self.number += 1
        self._notifier(f"calm-{self.number}", self.number % 2).run(body, self.now)
        self._check_changes()

    def check(self) -> None:
        """Note what is wrong in the end."""
        for name in NAMES:
            incident, mails = self._incident(name), [sent for sent in self.sent if sent.watch == name]
            if incident and incident.due:
                self._wrong(name, f"{len(incident.due)} mails are still due")
            told, level = mails[-1].level if mails else "ok", incident.level.value if incident else "ok"
            if told != level:
                self._wrong(name, f"the last mail says {told}, the record {level}")
            self._check_level(name, Level(level), is_closed=incident is not None and incident.is_closed_as_unknown)
            self._check_order(name, mails)

    def _check_level(self, name: str, level: Level, *, is_closed: bool) -> None:
        floor, raised = self._floor(name, self.assessment), self._raised(name)
        if floor is not None and level.rank != floor.rank and not is_closed:
            self._wrong(name, f"it is {level.value}, and {floor.value} is proven")
        if level.rank < raised.rank:
            self._wrong(name, f"it is {level.value}, and an alarm says {raised.value}")

    def _check_order(self, name: str, mails: Sequence[Sent]) -> None:
        keys = [sent.key for sent in mails]
        repeated = len(keys) - len(set(keys))
        if self.kinds["s3"]:
            self.kinds["mails twice, S3 out of reach"] += repeated
            return
        if repeated > self.kinds["killed after sending"]:
            self._wrong(name, f"{repeated} mails went out twice")
        order = self._order(name)
        places = [order.get(key, -1) for key in keys]
        if places != sorted(places):
            self._wrong(name, f"its mails are out of order: {keys}")

    def _order(self, name: str) -> dict[tuple[str, int], int]:
        """Return the places of a watch's mails, as its incidents followed each other."""
        records = [from_json(self.memory.objects[key]) for key in self.memory.keys(f"incidents/{name}/past/")]
        incidents = sorted((one for one in [*records, self._incident(name)] if one), key=self._age)
        keys = [(incident.id, change.seq) for incident in incidents for change in incident.timeline]
        return {key: place for place, key in enumerate(keys)}

    @staticmethod
    def _age(incident: Incident) -> tuple[datetime, int, str]:
        return incident.opened_at, len(incident.id), incident.id

    def _check_changes(self) -> None:
        """Note every step down that nothing proved since the watch was raised."""
        for name in NAMES:
            incident = self._incident(name)
            for change in incident.timeline if incident else ():
                key = (incident.opened_at.isoformat() + incident.id, change.seq) if incident else ("", 0)
                if key <= self.seen.get(name, ("", 0)):
                    continue
                self.seen[name] = key
                if change.event in ("RESOLVED", "DOWNGRADED") and name == REPORTED:
                    self._check_report(incident, change)
                elif change.event in ("RESOLVED", "DOWNGRADED"):
                    # What was mailed without S3 is recorded later, when the watch may be raised again.
                    mailed = self.raise_when_mailed.get((name, (incident.id if incident else "", change.seq)))
                    since = self.raise_of[name]
                    self._check_proof(name, change.level, since if mailed is None else min(since, mailed))
                self.raise_of[name] = self.raised_at[name]

    def _check_report(self, incident: Incident | None, change: Change) -> None:
        before = max(one.time for one in incident.timeline if one.seq < change.seq) if incident else self.now
        if not any(before <= time <= change.time and level.rank <= change.level.rank for time, level in self.reports):
            self._wrong(REPORTED, f"it stepped down to {change.level.value}, and no system said so")

    def _check_proof(self, name: str, level: Level, since: int) -> None:
        self._note_truth()
        if not any(step >= since and floor.rank <= level.rank for step, floor in self.proven[name]):
            self._wrong(name, f"it stepped down to {level.value} in step {self.step} without evidence since {since}")

    def _note_truth(self) -> None:
        """Note which level is proven for each watch now."""
        # What was raised before an incident is none of its business once it is no more.
        for alarm, (name, _) in ALARMS.items():
            described, incident = self.cloudwatch.alarms.get(f"{PREFIX}-{alarm}"), self._incident(name)
            if described and described.state != "ALARM" and not (incident and incident.is_open):
                self.was_raised.discard(alarm)
        # A notice may still be under way with what the system said before.
        said = [judged for judged in self.judged if self._is_fresh(judged)]
        for judged in [self.assessment, *said]:
            floors = {name: self._floor(name, judged) for name in NAMES}
            for name, floor in floors.items():
                self.proven[name] += [(self.step, floor)] if floor is not None else []

    def _is_fresh(self, judged: Mapping[str, Any]) -> bool:
        return self.now - datetime.fromisoformat(judged["as_of"]) <= timedelta(minutes=30)

    def _floor(self, name: str, judged: Mapping[str, Any] | None) -> Level | None:
        """Return the level that is proven now; None if something is unknown."""
        if name == REPORTED:
            return self.reported
        own = {alarm: self.cloudwatch.alarms.get(f"{PREFIX}-{alarm}") for alarm in ALARMS if ALARMS[alarm][0] == name}
        if any(alarm is None for alarm in own.values()):
            return None
        states = {alarm: described.state for alarm, described in own.items() if described}
        if name == FAILURES:
            if not judged or not self._is_fresh(judged) or judged["verdict"] not in ("healthy", "failing"):
                return None
            return max(self._raised(name), Level(judged["opens"]), key=lambda level: level.rank)
        incident = self._incident(name)
        raised = self.was_raised | {full.removeprefix(f"{PREFIX}-") for full in (incident.raised if incident else ())}
        if any(state == "INSUFFICIENT_DATA" and alarm in raised for alarm, state in states.items()):
            return None
        return self._raised(name)

    def _raised(self, name: str) -> Level:
        """Return the worst level of the alarms that are raised now, with data where the watch is assessed."""
        levels = [Level.OK]
        for alarm, (watch, level) in ALARMS.items():
            described = self.cloudwatch.alarms.get(f"{PREFIX}-{alarm}")
            if (
                watch == name
                and described
                and described.state == "ALARM"
                and (name != FAILURES or self.has_data[alarm])
            ):
                levels.append(level)
        return max(levels, key=lambda level: level.rank)

    # Helpers

    def _advance(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    def _publish(self, body: Mapping[str, Any], *, may_drop: bool = True) -> bool:
        """Hand a message to SNS; return whether it will come."""
        if may_drop and self.dice.random() < 0.15:
            self.kinds["dropped"] += 1
            return False
        self.number += 1
        self.waiting.append(Waiting(body, f"request-{self.number}"))
        return True

    def _restore(self, name: str) -> None:
        described = FakeCloudWatch().alarms[name]
        self.cloudwatch.alarms[name] = described
        self.cloudwatch.set(name.removeprefix(f"{PREFIX}-"), "OK", self.now + self.skew)

    def _values(self) -> Iterator[tuple[str, dict[str, float]]]:
        for short, (watch, _) in ALARMS.items():
            alarm = self.cloudwatch.alarms.get(f"{PREFIX}-{short}")
            if watch == FAILURES and alarm and self.has_data[short]:
                failed = 990.0 if alarm.state == "ALARM" else 0.0
                yield alarm.name, {"share": failed / 10, "failed": failed, "total": 1000.0}

    def _write_assessment(self) -> None:
        document = {"assessments": {FAILURES: self.assessment}}
        self.memory.write("state/sms.json", json.dumps(document).encode())

    def _lose(self, container: int) -> None:
        """Lose what a container remembered: what was mailed without S3 is then unknown."""
        unrecorded = self.containers[container]
        self.kinds["memory lost"] += bool(unrecorded.incidents or unrecorded.mails)
        self.containers[container] = Unrecorded()

    def _is_marked(self, sent: Sent) -> bool:
        """Return whether the outbox knows that a mail was sent."""
        incident, number = sent.key
        keys = [key for key in self.memory.keys("mails/") if key.endswith(f"{incident}-{sent.watch}-{number}.json")]
        return any(json.loads(self.memory.objects[key])["sent_at"] for key in keys)

    def _incident(self, name: str) -> Incident | None:
        body = self.memory.objects.get(f"incidents/{name}/current.json")
        incident = from_json(body) if body else None
        return incident if incident and incident.id else None

    def _wrong(self, name: str, what: str) -> None:
        self.violations.append(f"{name}: {what}")
