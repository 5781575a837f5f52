"""`deliverywatch demo --system pipeline`: the reference pipeline runs well, and with one planted fault after the other.

The stack is the built one; the state machine, its tables and dbt's results are stand-ins in the local cloud. After each
fault comes a good run, which resolves it. Minutes in which nothing can happen are not played.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from deliverywatch.local.cloud.cloud import LocalCloud
from deliverywatch.local.demo import pipeline_machine, pipeline_tables, play, report
from deliverywatch.local.demo.pipeline_faults import FAULTS, Fault
from deliverywatch.local.demo.pipeline_tables import Left
from deliverywatch.local.demo.play import MINUTE, Progress
from deliverywatch.local.demo.report import Outcome, Result, Table
from deliverywatch.local.demo.timeline import Act, timeline

MACHINE = f"arn:aws:states:us-east-1:111122223333:stateMachine:{pipeline_machine.NAME}"
MISSED = Fault("No run is started for two hours", "missed")
# What follows the end of a run: its metrics become visible, alarms are evaluated, mails leave.
_AFTER = timedelta(minutes=4)
_MISSED_HOURS = 2
_GOOD_RUNS = 3


def perform(out: Path, progress: Progress, _environ: Mapping[str, str], now: datetime, *, fast: bool) -> Outcome:
    """Play what ends before `now`; fast plays one fault of each part only."""
    chosen = FAULTS[::5] if fast else FAULTS
    start = play.yesterday(now) - timedelta(days=3)
    with play.stage(out, progress, ["pipeline"], start) as (cloud, template, folder):
        world = deploy(cloud, template, folder)
        faults = [None] * _GOOD_RUNS + [run for fault in chosen for run in (fault, None)]
        progress.day(len(faults))
        for fault in faults:
            world.suffer(fault) if fault else world.run()
            progress.minute(f"{cloud.clock.now:%H:%M}")
        world.miss()
        world.run()
        progress.step("Writing the result")
        return report.write(_result(world, start), out)


@dataclass(slots=True)
class World:
    """The deployed stack and the pipeline it watches; `suffered` are faults with the subjects of their mails."""

    cloud: LocalCloud
    count: int = 0
    acts: list[Act] = field(default_factory=list)
    suffered: list[tuple[Fault, list[str]]] = field(default_factory=list)

    def run(self, fault: Fault | None = None) -> str:
        """Let the pipeline run once, and what follows happen; returns how the execution ended."""
        self.count += 1
        name, started = f"run-{self.count:03}", self._next_minute()
        self.cloud.clock.advance_to(started)
        self.acts.append((started, f"{name}: {fault.text}" if fault else f"{name} is well"))
        left = fault.left if fault else Left()
        pipeline_tables.leave(self.cloud, name, started, left)
        steps = pipeline_machine.steps(name, started) | (fault.steps(name, started) if fault else {})
        status = self.cloud.states.run(self.cloud.client("stepfunctions"), MACHINE, name, steps)
        # Its schedule came while the run ran; minutes of a run are not played.
        self.cloud.invoke(f"{play.STACK}-pipeline-measure", {})
        self._live(_AFTER)
        return status

    def suffer(self, fault: Fault) -> list[str]:
        """Let the pipeline run with a fault; returns the subjects of the mails that this brought."""
        return self._noted(fault, lambda: self.run(fault))

    def miss(self) -> list[str]:
        """Let no run be started for so long that it is missed; returns the subjects of the mails that this brought."""
        self.acts.append((self.cloud.clock.now, MISSED.text))
        return self._noted(MISSED, lambda: self._live(timedelta(hours=_MISSED_HOURS, minutes=5)))

    def _noted(self, fault: Fault, happen: Callable[[], object]) -> list[str]:
        before = len(self.cloud.outbox())
        happen()
        mails = [mail.subject for mail in self.cloud.outbox()[before:]]
        self.suffered.append((fault, mails))
        return mails

    def _next_minute(self) -> datetime:
        return self.cloud.clock.now.replace(second=0, microsecond=0) + MINUTE

    def _live(self, duration: timedelta) -> None:
        minute, end = self._next_minute(), self.cloud.clock.now + duration
        while minute <= end:
            self.cloud.run_schedules(minute)
            self.cloud.tick(minute)
            minute += MINUTE


def deploy(cloud: LocalCloud, template: Mapping[str, Any], folder: Path) -> World:
    """Deploy the stack, and the pipeline that it watches."""
    outputs = play.deploy(cloud, template, folder, {"SfUserMissedRunHours": str(_MISSED_HOURS)})
    pipeline_tables.create(cloud)
    functions = {"report": outputs["PipelineReportArn"], "validate": outputs["PipelineValidateArn"]}
    cloud.client("stepfunctions").create_state_machine(
        name=pipeline_machine.NAME,
        definition=json.dumps(pipeline_machine.definition(functions)),
        roleArn=_role(cloud),
    )
    # The first look at new alarms, as CloudWatch takes it at once.
    cloud.tick(cloud.clock.now)
    return World(cloud)


def _role(cloud: LocalCloud) -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    answer = cloud.client("iam").create_role(RoleName=pipeline_machine.NAME, AssumeRolePolicyDocument=document)
    return str(answer["Role"]["Arn"])


def _result(world: World, start: datetime) -> Result:
    events = timeline(world.cloud, world.acts)
    total = len(world.suffered)
    exact = sum(len(subjects) == 1 for _, subjects in world.suffered)
    resolved = sum(mail.event == "RESOLVED" for mail in events.mails)
    rows = tuple((fault.text, fault.full_watch, "; ".join(mails) or "no mail") for fault, mails in world.suffered)
    return Result(
        summary=f"{total} faults planted, {exact} mailed exactly once, {resolved} resolved.",
        title="A pipeline with planted faults",
        lead=f"The reference pipeline sf_user, from {start:%d %B %Y} on (UTC): {world.count} runs, each fault followed "
        "by a good run.",
        numbers=(
            (total, "faults planted"),
            (exact, "mailed exactly once"),
            (resolved, "resolved by a good run"),
            (len(events.mails), "mails in all"),
        ),
        timeline=events,
        tables=(Table("What was planted, and what was mailed", ("fault", "watch", "mail"), rows),),
    )
