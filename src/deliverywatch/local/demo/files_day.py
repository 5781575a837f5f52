"""The file intake at work: uploads, a file that fails until it is put aside, its mail, a redrive, and the end of it.

Somebody takes the processor's right to write into the table away for 16 minutes. Most uploads of that time succeed at a
later attempt; the first has used up its five by then.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from deliverywatch.files import aws_tools
from deliverywatch.files.aws import plain
from deliverywatch.files.records import dead_letters
from deliverywatch.local.cloud.cloud import LocalCloud
from deliverywatch.local.demo import play, report
from deliverywatch.local.demo.play import Progress
from deliverywatch.local.demo.report import File, Outcome, Result, Table
from deliverywatch.local.demo.timeline import Act, timeline

_LENGTH = timedelta(minutes=70)
_LEAD = timedelta(minutes=10)
_MINUTES_BETWEEN_UPLOADS = 5
_ROLE = "FilesProcessRole"
_DENIAL = "nobody-writes"
POISON = "in/payroll 2026-11.csv"


def perform(out: Path, progress: Progress, _environ: Mapping[str, str], now: datetime, *, fast: bool) -> Outcome:  # noqa: ARG001 - it is short already
    """Play an hour of uploads of yesterday."""
    start = play.yesterday(now, hour=10)
    with play.stage(out, progress, ["files"], start - _LEAD) as (cloud, template, folder):
        hour = Hour(cloud, play.deploy(cloud, template, folder, {}), start)
        play.live(cloud, start, start + _LENGTH, progress, hour.act)
        progress.step("Writing the result")
        items = _items(hour)
        (out / "items.json").write_text(json.dumps(items, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return report.write(_result(hour, items), out)


@dataclass
class Hour:
    """What happens to the intake, by the minute."""

    cloud: LocalCloud
    outputs: Mapping[str, str]
    start: datetime
    acts: list[Act] = field(default_factory=list)
    uploads: list[str] = field(default_factory=list)
    dead: list[dead_letters.Explained] = field(default_factory=list)

    def act(self, minute: datetime) -> None:
        """Do what is to be done at the beginning of a minute."""
        self.cloud.clock.advance_to(minute)
        number = int((minute - self.start) / play.MINUTE)
        if number >= 0 and number % _MINUTES_BETWEEN_UPLOADS == 0:
            self._upload(minute, f"in/orders {minute:%H:%M}.csv")
        special = {6: self._take_right, 7: self._upload_poison, 22: self._give_right, 45: self._redrive}.get(number)
        if special:
            special(minute)
        self.cloud.settle()

    def _upload(self, _minute: datetime, key: str) -> None:
        self.cloud.client("s3").put_object(Bucket=self.outputs["FilesBucket"], Key=key, Body=b"order,amount\n1,2\n")
        self.uploads.append(key)

    def _upload_poison(self, minute: datetime) -> None:
        self._upload(minute, POISON)
        self.acts.append((minute, f"{POISON} is uploaded and cannot be processed"))

    def _take_right(self, minute: datetime) -> None:
        denial = {"Effect": "Deny", "Action": "dynamodb:PutItem", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [denial]})
        self.cloud.client("iam").put_role_policy(RoleName=self._role(), PolicyName=_DENIAL, PolicyDocument=document)
        self.acts.append((minute, "Somebody takes the processor's right to write into the table away"))

    def _give_right(self, minute: datetime) -> None:
        self.cloud.client("iam").delete_role_policy(RoleName=self._role(), PolicyName=_DENIAL)
        self.acts.append((minute, "The right is given back; files that still have attempts left come through"))

    def _redrive(self, minute: datetime) -> None:
        """What `deliverywatch files dlq list` and `redrive` do."""
        queue, table = self.cloud.client("sqs"), self.cloud.client("dynamodb")
        dead_url, queue_url = self.outputs["FilesDeadLettersUrl"], self.outputs["FilesQueueUrl"]
        reasons = aws_tools.Reasons(table, self.outputs["FilesFailuresTable"])
        self.dead = dead_letters.explained(aws_tools.DeadLetters(queue, dead_url), reasons, limit=100)
        aws_tools.Redrive(queue, dead_url, queue_url).start(per_second=None)
        self.acts.append((minute, f"deliverywatch files dlq redrive: {len(self.dead)} message goes back to the queue"))

    def _role(self) -> str:
        formation = self.cloud.client("cloudformation")
        resource = formation.describe_stack_resource(StackName=play.STACK, LogicalResourceId=_ROLE)
        return str(resource["StackResourceDetail"]["PhysicalResourceId"])


def _result(hour: Hour, items: list[dict[str, Any]]) -> Result:
    events = timeline(hour.cloud, hour.acts)
    processed = sum(item["state"] == "present" for item in items)
    uploads, mails = len(hour.uploads), len(events.mails)
    counts = f"{uploads} files uploaded, {processed} in the table, {mails} mails"
    return Result(
        summary=f"{hour.start:%d %B %Y} UTC: {counts}",
        title="An hour of files",
        lead=f"Uploads of {hour.start:%d %B %Y} (UTC), played through the deployed stack in simulated time: "
        "one file fails until it is put aside, and a redrive brings it back.",
        numbers=(
            (uploads, "files uploaded"),
            (processed, "items in the table"),
            (len(hour.dead), "put aside, then redriven"),
            (mails, "mails"),
        ),
        timeline=events,
        tables=(_dead_table(hour), _item_table(items)),
        files=(File("items.json", "every item of the table"),),
    )


def _items(hour: Hour) -> list[dict[str, Any]]:
    pages = hour.cloud.client("dynamodb").get_paginator("scan").paginate(TableName=hour.outputs["FilesTable"])
    items = [plain(item) for page in pages for item in page["Items"]]
    return sorted(items, key=lambda item: str(item["event_time"]))


def _dead_table(hour: Hour) -> Table:
    rows = tuple((row.dead_letter.message_id[:8], row.objects.partition("/")[2], row.problem) for row in hour.dead)
    return Table("What deliverywatch files dlq list said before the redrive", ("Message", "File", "Why"), rows)


def _item_table(items: list[dict[str, Any]]) -> Table:
    rows = tuple(
        (item["event_time"][11:19], item["key"], item["state"], str(item.get("size_bytes", ""))) for item in items
    )
    return Table("The table at the end", ("Uploaded (UTC)", "File", "State", "Bytes"), rows)
