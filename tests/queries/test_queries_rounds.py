"""A round of the reconciler: the file, the schedules, what is counted, told and closed; and the watchdog's hour."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from queries_world import GROUP, FakeService, MemoryLake, error, query

from deliverywatch.errors import ConfigurationError, SourceUnavailable, StoreUnavailable
from deliverywatch.queries import reconcile, settings
from deliverywatch.queries.aws import Scheduler
from deliverywatch.queries.config import source
from deliverywatch.queries.config.file import Refused
from deliverywatch.queries.run import state
from deliverywatch.queries.run.state import State
from deliverywatch.queries.run.watchdog import missed
from deliverywatch.queries.schedule import mail_context
from deliverywatch.queries.schedule.apply import Result
from deliverywatch.queries.schedule.plan import ByHand

NOW = datetime(2026, 11, 21, 12, 20, tzinfo=UTC)
ENVIRONMENT = {
    "DELIVERYWATCH_ENVIRONMENT": "prod",
    "DELIVERYWATCH_BUCKET": "lake",
    "SCHEDULE_GROUP_NAME": GROUP,
    "PROJECT_NAME": "pn",
    "QUERY_EXECUTOR_ARN": "arn:execute",
    "SCHEDULE_ROLE_ARN": "arn:role",
    "DEAD_LETTER_QUEUE_ARN": "arn:queue",
}
DAILY = {"schedule": "cron(0 8 * * ? *)", "query": "SELECT 1"}


@dataclass
class World:
    """A source, a scheduler and a lake; what was told, published and counted."""

    file: dict[str, Any] | Exception | bytes = field(default_factory=lambda: {"daily": DAILY})
    url: str = "https://example.com/queries.json"
    lines: list[str] = field(default_factory=list)
    published: list[dict[str, Any]] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    service: FakeService = field(default_factory=FakeService)
    lake: MemoryLake = field(default_factory=MemoryLake)

    def fetch(self, etag: str) -> source.Fetched | None:
        if isinstance(self.file, Exception):
            raise self.file
        body = self.file if isinstance(self.file, bytes) else json.dumps({"queries": self.file}).encode()
        revision = source.revision_of(body)
        return None if revision == etag else source.Fetched(body, revision, revision)

    def round(self, now: datetime = NOW, **environment: str) -> dict[str, Any]:
        ports = reconcile.Ports(
            source=self,
            lake=self.lake,
            schedules=Scheduler(self.service, GROUP),
            log=self.lines.append,
            publish=lambda message: self.published.append(dict(message)),
            emit=lambda metrics, *_: self.metrics.update({name: value for name, (value, _) in metrics.items()}),
            pause=lambda _: None,
            seconds_left=lambda: 600,
        )
        return reconcile.run(now, settings.reconciliation(ENVIRONMENT | environment), ports)

    @property
    def names(self) -> list[str]:
        return sorted(name for group, name in self.service.stored if group == GROUP)

    @property
    def problem(self) -> str:
        problem = json.loads(self.lake.objects["state/queries.json"])["problem"]
        return str(problem["sentence"]) if problem else ""


def test_a_round_brings_the_schedules_to_the_file_and_says_so() -> None:
    world = World({"daily": DAILY, "hourly": DAILY | {"schedule": "rate(1 hour)"}})
    result = world.round()
    assert world.names == ["pn-daily", "pn-hourly"]
    assert result["counts"] == {
        "created": 2, "updated": 0, "deleted": 0, "unchanged": 0, "failed": 0, "by_hand": 0, "withheld": 0,
    }  # fmt: skip
    assert world.metrics == {
        "Created": 2, "Updated": 0, "Deleted": 0, "Unchanged": 0, "Failed": 0, "Withheld": 0, "SourceFailed": 0,
    }  # fmt: skip
    assert world.lines[:2] == ["Found 0 existing schedules", "CREATE: pn-daily (cron: cron(0 8 * * ? *))"]
    assert (result["statusCode"], result["message"]) == (200, "Reconciliation completed")
    assert result["results"] == {"created": 2, "updated": 0, "deleted": 0, "failed": 0}
    assert world.problem == ""


def test_a_line_of_the_log_has_its_level_as_the_third_word() -> None:
    lines = ["CREATE: pn-a (cron: rate(1 hour))", "ERROR Failed to create schedule pn-a: no"]
    assert [reconcile.log_line(line, NOW, "id-1") for line in lines] == [
        "2026-11-21T12:20:00 id-1 INFO CREATE: pn-a (cron: rate(1 hour))",
        "2026-11-21T12:20:00 id-1 ERROR Failed to create schedule pn-a: no",
    ]


def test_a_schedule_sends_the_executor_which_query_and_when_it_was_due() -> None:
    world = World()
    world.round()
    target = world.service.stored[GROUP, "pn-daily"]["Target"]
    assert json.loads(target["Input"]) == {
        "query_id": "daily",
        "scheduled_time": "<aws.scheduler.scheduled-time>",
        "state": "ENABLED",
    }
    assert target["DeadLetterConfig"] == {"Arn": "arn:queue"}
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 5}


def test_a_second_round_writes_no_schedule() -> None:
    world = World()
    world.round()
    world.service.calls.clear()
    assert world.round()["counts"]["unchanged"] == 1
    assert {operation for operation, _ in world.service.calls} == {"get_schedule"}


def test_a_wrong_file_changes_nothing_and_says_what_is_wrong() -> None:
    world = World()
    world.round()
    before = dict(world.service.stored)
    world.file = {"daily": DAILY | {"query": "always"}, "new": DAILY}
    with pytest.raises(Refused):
        world.round()
    assert world.service.stored == before
    assert "$.queries.daily.query" in world.problem


@pytest.mark.parametrize(
    "change",
    [{"schedule": "cron(*/60 * * * ? *)"}, {"timezone": "right/Europe/Rome"}, {"description": "x" * 513}],
    ids=["schedule", "zone", "description"],
)
def test_a_schedule_that_aws_refuses_stays_as_it_is_and_the_others_go_on(change: dict[str, Any]) -> None:
    world = World()
    world.round()
    before = world.service.stored[GROUP, "pn-daily"]
    world.file = {"daily": DAILY | change, "new": DAILY, "bad": DAILY | change}
    result = world.round()
    assert world.names == ["pn-daily", "pn-new"]
    assert world.service.stored[GROUP, "pn-daily"] == before
    assert (list(result["failed"]), world.metrics["Failed"]) == (["pn-bad", "pn-daily"], 2)
    assert "pn-bad" in world.problem
    assert sum(line.startswith("NOTICE $.queries") for line in world.lines) == 2


def test_a_source_that_cannot_be_had_changes_nothing_and_is_counted() -> None:
    world = World()
    world.round()
    world.file = SourceUnavailable("The host is away.")
    result = world.round()
    assert (result["counts"]["unchanged"], world.metrics["SourceFailed"]) == (1, 1)
    assert "The host is away." in world.problem


def test_a_url_that_names_a_commit_is_reported_to_be_one() -> None:
    world = World()
    world.round(CONFIG_GIT_URL=f"https://raw.githubusercontent.com/a/b/{'0a' * 20}/queries.json")
    assert any(line.startswith("NOTICE") and "names a commit" in line for line in world.lines)
    world.lines.clear()
    world.round(CONFIG_GIT_URL="https://raw.githubusercontent.com/a/b/main/queries.json")
    assert not any("names a commit" in line for line in world.lines)


def test_drift_is_repaired_while_the_source_cannot_be_had() -> None:
    world = World()
    world.round()
    world.service.stored.clear()
    world.file = SourceUnavailable("The host is away.")
    world.round()
    assert world.names == ["pn-daily"]


def test_withheld_deletions_count_as_failed_and_name_the_way_out() -> None:
    world = World({str(number): DAILY for number in range(5)})
    world.round()
    world.file = {}
    world.round()
    assert (len(world.names), world.metrics["Failed"]) == (5, 5)
    assert "empty file never deletes" in world.problem


def test_what_is_withheld_rings_with_its_round_though_the_silent_queries_cannot_be_looked_for() -> None:
    world = World({str(number): DAILY for number in range(5)})
    world.round()
    world.metrics.clear()
    world.file = {"0": DAILY}
    world.lake.fault = lambda key, _: StoreUnavailable("S3 is away.") if key == state.key_of("0") else None
    with pytest.raises(StoreUnavailable):
        world.round(NOW.replace(minute=0))
    assert (world.metrics["Withheld"], world.metrics["Failed"]) == (4, 4)
    # As no round that was finished: if it stays so, the alarm queries-reconcile-stale says it.
    assert "Unchanged" not in world.metrics


def test_a_query_whose_deletion_is_withheld_runs_on_as_it_was() -> None:
    world = World({str(number): DAILY | {"description": f"of {number}"} for number in range(5)})
    world.round()
    state.change(world.lake, "3", lambda _: State(open={"rows": "critical"}))
    world.file = {"0": DAILY}
    for minute in (20, 25, 60):
        world.round(NOW.replace(minute=0) + timedelta(minutes=minute))
    world.file = {"0": DAILY, "other": DAILY}
    world.round()
    copy = source.last_copy(world.lake)
    assert copy is not None
    assert [query.description for query in map(copy.query, "1234") if query] == ["of 1", "of 2", "of 3", "of 4"]
    assert (world.published, state.read(world.lake, "3").open) == ([], {"rows": "critical"})


@pytest.mark.parametrize("again", [{"3": DAILY | {"description": "again"}}, {}])
def test_a_removed_query_is_forgotten_with_its_schedule(again: dict[str, Any]) -> None:
    world = World({str(number): DAILY for number in range(5)})
    world.round()
    world.file = {"0": DAILY}
    world.round()
    for number in (1, 2, 3, 4):
        world.service.stored.pop((GROUP, f"pn-{number}"))
    world.file = {"0": DAILY} | again
    world.round()
    copy = source.last_copy(world.lake)
    assert copy is not None
    assert {name: query.description for name in "1234" if (query := copy.query(name))} == dict.fromkeys(again, "again")
    assert copy.removed == {}


def test_a_mail_says_everything_that_is_wrong() -> None:
    world = World({str(number): DAILY for number in range(5)})
    world.round()
    world.file = {"0": DAILY, "1": DAILY | {"description": "new"}}
    world.round()
    world.file = SourceUnavailable("The host is away.")
    world.service.fault = lambda operation, _: error("ValidationException", operation) if operation[0] == "c" else None
    world.service.stored.pop((GROUP, "pn-0"))
    world.round()
    assert (world.metrics["Failed"], world.metrics["Withheld"], world.metrics["SourceFailed"]) == (4, 3, 1)
    for words in ("The host is away.", "3 of 5 schedules would be deleted", "pn-2, pn-3, pn-4", "pn-0: The schedule"):
        assert words in world.problem


def test_a_failed_schedule_is_counted_and_named() -> None:
    world = World({"daily": DAILY, "other": DAILY})

    def refuse(operation: str, _: str) -> Exception | None:
        is_daily = operation == "create_schedule" and world.service.calls[-1][1] == "pn-daily"
        return error("ValidationException", "CreateSchedule", "Invalid Schedule Expression.") if is_daily else None

    world.service.fault = refuse
    world.round()
    assert (world.metrics["Created"], world.metrics["Failed"]) == (1, 1)
    assert "pn-daily: The schedule pn-daily: CreateSchedule answered ValidationException" in world.problem


def test_what_a_removed_query_left_open_is_closed_with_it() -> None:
    world = World({"daily": DAILY, "other": DAILY})
    world.round()
    state.change(world.lake, "daily", lambda _: State(open={"rows": "critical", "failed": "warning"}))
    world.file = {"other": DAILY}
    world.round()
    assert [(each["watch"], each["level"]) for each in world.published] == [
        ("queries.daily.rows", "ok"),
        ("queries.daily.failed", "ok"),
    ]
    assert state.read(world.lake, "daily") == State()


def test_what_was_not_closed_by_a_killed_round_is_closed_within_the_hour() -> None:
    world = World()
    state.change(world.lake, "long-gone", lambda _: State(open={"rows": "warning"}))
    world.round(NOW)
    assert world.published == []
    world.round(NOW.replace(hour=13, minute=0))
    assert [each["watch"] for each in world.published] == ["queries.long-gone.rows"]


SCHEDULES = st.sampled_from([
    ("cron(0/30 20-2 ? * FRI-MON *)", True), ("cron(0 21 LW * ? *)", True), ("rate(1 hours)", True),
    ("at(2020-01-01T00:00:00)", True), ("cron(*/60 * * * ? *)", False), ("rate(5000000 days)", False), ("", False),
])  # fmt: skip


def expressions(world: World) -> dict[str, str]:
    return {name.removeprefix("pn-"): made["ScheduleExpression"] for (_, name), made in world.service.stored.items()}


@given(st.lists(st.dictionaries(st.sampled_from("abcd"), SCHEDULES, min_size=1), min_size=1, max_size=4))
@limits(max_examples=40)
def test_whatever_schedules_are_refused_each_other_query_is_as_its_file_says(files: list[dict[str, Any]]) -> None:
    world = World()
    for entries in files:
        before = expressions(world)
        world.file = {name: DAILY | {"schedule": text} for name, (text, _) in entries.items()}
        refused = {name for name, (_, is_good) in entries.items() if not is_good}
        assert {name.removeprefix("pn-") for name in world.round()["failed"]} & set(entries) == refused
        # One that is refused stays as it was.
        after = {name: before.get(name) if name in refused else text for name, (text, _) in entries.items()}
        assert {name: expressions(world).get(name) for name in entries} == after


# The watchdog.


def hours(world: World, count: int, begin: datetime, step: timedelta = timedelta(hours=1)) -> list[str]:
    """Let so many rounds pass at the full hour; returns the levels that were told of silence."""
    before = len(world.published)
    for number in range(count):
        world.round(begin + number * step)
    return [each["level"] for each in world.published[before:]]


def test_a_query_of_which_two_runs_were_missed_is_published_once() -> None:
    world = World({"daily": DAILY | {"schedule": "rate(6 hours)"}})
    noon = NOW.replace(minute=0)
    assert hours(world, 13, noon) == []
    assert hours(world, 24, noon + timedelta(hours=13)) == ["warning"]
    assert "has not succeeded since it was added" in world.published[-1]["sentence"]


def test_a_query_that_succeeds_is_not_silent() -> None:
    world = World({"daily": DAILY | {"schedule": "rate(6 hours)"}})
    noon = NOW.replace(minute=0)
    for number in range(48):
        moment = noon + timedelta(hours=number)
        if number % 6 == 0:
            state.change(world.lake, "daily", lambda each, due=moment: state.replace(each, succeeded=due))  # type: ignore[misc]
        world.round(moment)
    assert world.published == []


@pytest.mark.parametrize("change", [{"schedule": "rate(30 days)"}, {"enabled": False}])
def test_what_runs_at_other_times_from_now_on_is_not_silent(change: dict[str, Any]) -> None:
    world = World({"daily": DAILY | {"schedule": "rate(1 hour)"}})
    noon = NOW.replace(minute=0)
    assert hours(world, 8, noon) == ["warning"]
    world.file = {"daily": DAILY | {"schedule": "rate(1 hour)"} | change}
    assert hours(world, 8, noon + timedelta(hours=8)) == ["ok"]


def test_a_query_switched_off_by_hand_is_not_missed() -> None:
    world = World({"daily": DAILY | {"schedule": "rate(1 hour)"}})
    world.round(NOW)
    world.service.stored[GROUP, "pn-daily"]["State"] = "DISABLED"
    assert hours(world, 12, NOW.replace(hour=13, minute=0)) == []


def test_a_query_whose_schedule_is_none_hides_the_silence_of_no_other() -> None:
    world = World({"a": DAILY | {"schedule": "every day"}, "daily": DAILY | {"schedule": "rate(1 hour)"}})
    noon = NOW.replace(minute=0)
    assert hours(world, 8, noon) == ["warning"]
    result = world.round(noon + timedelta(hours=8))
    assert (result["silent"], list(result["unwatched"])) == (["daily"], ["a"])
    assert any(line.startswith("UNWATCHED a 'every day' is not a schedule") for line in world.lines)


def test_a_state_that_cannot_be_read_fails_the_round_after_the_silence_of_the_others_was_published() -> None:
    world = World({"a": DAILY, "daily": DAILY | {"schedule": "rate(1 hour)"}})
    away = StoreUnavailable("S3 is away.")
    world.lake.fault = lambda key, _: away if key == state.key_of("a") else None
    for number in range(8):
        with pytest.raises(StoreUnavailable):
            world.round(NOW.replace(minute=0) + timedelta(hours=number))
    assert [each["watch"] for each in world.published] == ["queries.daily.stale"]


@pytest.mark.parametrize(
    ("expression", "since", "now", "count"),
    [
        ("cron(0 8 * * ? *)", "2026-11-18T08:00", "2026-11-19T09:00", 0),
        ("cron(0 8 * * ? *)", "2026-11-18T08:00", "2026-11-19T09:15", 1),
        ("cron(0 8 * * ? *)", "2026-11-18T08:00", "2026-11-30T08:00", 2),
        ("at(2026-11-19T08:00:00)", "2026-11-18T08:00", "2026-11-30T08:00", 1),
        ("cron(0 8 1 * ? *)", "2026-11-18T08:00", "2026-11-30T08:00", 0),
    ],
)
def test_a_run_is_missed_when_it_had_time_to_finish(expression: str, since: str, now: str, count: int) -> None:
    moments = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (since, now)]
    assert missed(query("daily", expression=expression), *moments) == count


# Settings.


def test_settings_come_from_the_names_that_users_know() -> None:
    given = settings.reconciliation(
        ENVIRONMENT | {"CONFIG_GIT_URL": "https://x", "DISABLED_BY_HAND": "enable", "DELETE_PERCENT": "12.5"}
    )
    assert (given.url, given.rules.by_hand, given.rules.delete_percent) == ("https://x", ByHand.ENABLE, 12.5)
    assert (given.wiring.executor_arn, given.wiring.prefix, given.group) == ("arn:execute", "pn-", GROUP)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"PROJECT_NAME": ""}, "PROJECT_NAME"),
        ({"DELETE_COUNT": "many"}, "DELETE_COUNT"),
        ({"DISABLED_BY_HAND": "x"}, "x"),
    ],
)
def test_a_setting_that_is_missing_or_wrong_is_named(change: dict[str, str], name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        settings.reconciliation(ENVIRONMENT | change)


def test_the_commands_that_a_mail_names_say_which_file() -> None:
    held = Result(guard="9 of 10 schedules would be deleted.")
    document = json.loads(mail_context.of_result(held, None, datetime(2026, 11, 21, tzinfo=UTC)))
    commands = [
        part for step in document["problem"]["steps"] for part in step.split("'") if part.startswith("deliverywatch")
    ]
    assert commands == [
        "deliverywatch queries plan --config FILE",
        "deliverywatch queries apply --config FILE --allow-deletes",
    ]
