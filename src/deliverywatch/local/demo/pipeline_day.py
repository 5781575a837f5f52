"""`deliverywatch demo --system pipeline`: the reference pipeline runs well, and with one planted fault after the other.

The stack is the built one; the state machine, its tables and dbt's results are stand-ins in the local cloud. After each
fault comes a good run, which resolves it. Minutes in which nothing can happen are not played.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deliverywatch.local.cloud.cloud import LocalCloud
from deliverywatch.local.demo import pipeline_machine, pipeline_tables, play, report
from deliverywatch.local.demo.pipeline_faults import Fault, faults
from deliverywatch.local.demo.pipeline_tables import Left
from deliverywatch.local.demo.play import MINUTE, STACK, Outcome
from deliverywatch.local.demo.timeline import happenings, letters

if TYPE_CHECKING:
    from deliverywatch.local.demo.play import Progress

MACHINE = f"arn:aws:states:us-east-1:111122223333:stateMachine:{pipeline_machine.NAME}"
MISSED = Fault("No run is started for two hours", "missed")
# What follows the end of a run: its metrics become visible, alarms are evaluated, mails leave.
_AFTER = timedelta(minutes=4)
_MISSED_HOURS = 2
_GOOD_RUNS = 3


def perform(out: Path, progress: Progress, environ: Mapping[str, str], now: datetime, *, fast: bool) -> Outcome:  # noqa: ARG001
    """Play, and write what came of it.

    Args:
        out: The folder of the result; it must be new, empty or of an earlier play.
        progress: Is told how far it is.
        environ: Not read: this play has no account.
        now: Aware, UTC; what is played ends before it.
        fast: Play one fault of each part only.
    """
    play.prepare(out)
    known = faults()
    chosen = known[::4] if fast else known
    with tempfile.TemporaryDirectory(prefix="deliverywatch-build-") as folder:
        progress.step("Building the template and the functions")
        template = play.build(Path(folder), ["pipeline"])
        progress.step("Starting the local cloud")
        start = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=4)
        with LocalCloud(start) as cloud:
            progress.step("Deploying the stack")
            world = deploy(cloud, template, Path(folder))
            progress.day(2 * len(chosen) + _GOOD_RUNS)
            for _ in range(_GOOD_RUNS):
                world.run()
                progress.minute(f"{cloud.clock.now:%H:%M}")
            for fault in chosen:
                world.suffer(fault)
                progress.minute(f"{cloud.clock.now:%H:%M}")
                world.run()
                progress.minute(f"{cloud.clock.now:%H:%M}")
            world.miss()
            world.run()
            progress.step("Writing the result")
            return _outcome(world, start, out)


@dataclass(slots=True)
class World:
    """The deployed stack and the pipeline it watches.

    Attributes:
        acts: What was done, and when.
        suffered: Faults with the names of the mails that came while each was there.
    """

    cloud: LocalCloud
    count: int = 0
    acts: list[tuple[datetime, str]] = field(default_factory=list)
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
        self._live(_AFTER)
        return status

    def suffer(self, fault: Fault) -> list[str]:
        """Let the pipeline run with a fault; returns the subjects of the mails that this brought."""
        before = len(self.cloud.outbox())
        self.run(fault)
        mails = [mail.subject for mail in self.cloud.outbox()[before:]]
        self.suffered.append((fault, mails))
        return mails

    def miss(self) -> list[str]:
        """Let no run be started for so long that it is missed; returns the subjects of the mails that this brought."""
        before = len(self.cloud.outbox())
        self.acts.append((self.cloud.clock.now, MISSED.text))
        self._live(timedelta(hours=_MISSED_HOURS, minutes=5))
        mails = [mail.subject for mail in self.cloud.outbox()[before:]]
        self.suffered.append((MISSED, mails))
        return mails

    def _next_minute(self) -> datetime:
        return self.cloud.clock.now.replace(second=0, microsecond=0) + MINUTE

    def _live(self, span: timedelta) -> None:
        minute, end = self._next_minute(), self.cloud.clock.now + span
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
    return World(cloud)


def _role(cloud: LocalCloud) -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    made = cloud.client("iam").create_role(RoleName=pipeline_machine.NAME, AssumeRolePolicyDocument=document)
    return str(made["Role"]["Arn"])


def _outcome(world: World, start: datetime, out: Path) -> Outcome:
    mails = letters(world.cloud, STACK)
    told = sum(len(subjects) == 1 for _, subjects in world.suffered)
    resolved = sum(letter.event == "RESOLVED" for letter in mails)
    happened = happenings(world.cloud, STACK, mails, world.acts)
    total = len(world.suffered)
    result = report.Result(
        title="A pipeline with planted faults",
        lead=f"The reference pipeline sf_user, from {start:%d %B %Y} on (UTC): {world.count} runs, each fault followed "
        "by a good run.",
        numbers=(
            (str(total), "faults planted"),
            (str(told), "told by exactly one mail"),
            (str(resolved), "resolved by a good run"),
            (str(len(mails)), "mails in all"),
        ),
        letters=mails,
        happenings=happened,
        tables=(_table(world.suffered),),
    )
    page = report.write(result, out)
    return Outcome(page, f"{total} faults planted, {told} told by exactly one mail, {resolved} resolved.", happened)


def _table(suffered: Sequence[tuple[Fault, list[str]]]) -> report.Table:
    rows = tuple((fault.text, fault.full_watch, "; ".join(mails) or "no mail") for fault, mails in suffered)
    return report.Table("What was planted, and what was told", ("fault", "watch", "mail"), rows)
