"""`deliverywatch files ...`: the file intake seen from the command line, and repaired from there."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cwalarm.cli.terminal import echo, one_line, print_json
from deliverywatch.cli.files.dlq import dlq
from deliverywatch.cli.terminal.exits import Exit
from deliverywatch.cli.terminal.input_files import read_json
from deliverywatch.cli.terminal.output import print_either
from deliverywatch.cli.terminal.target import Target, target_and_json

if TYPE_CHECKING:
    from deliverywatch.files.aws_tools import Items, VersionListing
    from deliverywatch.files.find import KeyState
    from deliverywatch.files.records.layout import Layout
    from deliverywatch.files.verify import Differences
    from deliverywatch.operate.account.aws import Cloud
    from deliverywatch.operate.account.deployment import Deployment

_PREFIX = click.option("--prefix", default="", help="Only keys that begin with this.")
_DRY_RUN = click.option("--dry-run", is_flag=True, help="Change nothing, only say what would be done.")


@click.group()
def files() -> None:
    """Look into the file intake, and repair it."""


files.add_command(dlq)


@files.command()
@click.argument("event", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@_DRY_RUN
@target_and_json
def process(*, target: Target, event: Path, dry_run: bool, as_json: bool) -> None:
    """Process an event by hand, as the deployed function would.

    EVENT is its file: a notification as S3, EventBridge or SNS sends it, an event as Lambda gets it from SQS, or what
    `aws sqs receive-message` printed. With --dry-run no account is needed: each message is read, and what would be
    kept of it is said, the stack's filters apart.

    \b
    JSON: [{"message_id": "", "would": "store", "items": [{...}],
            "ignored": [""]},
           {"message_id": "", "would": "fail", "kind": "malformed",
            "problem": "", "next_step": ""}]
    Without --dry-run: [{"message_id": "", "outcome": "stored", "problem": null}]
    Exit codes: 0 every message is processed, 2 wrong input, 3 one fails.
    """  # noqa: D301 - click wants the control character
    from deliverywatch import thresholds
    from deliverywatch.files import dry_run as flow
    from deliverywatch.files.records.items import Retention
    from deliverywatch.files.records.sqs import given_by_hand

    batch = given_by_hand(read_json(event))
    retention = Retention(thresholds.FILE_ITEM_DAYS, thresholds.FILE_TOMBSTONE_DAYS)
    results = flow.dry_run(batch, datetime.now(UTC), retention) if dry_run else _processed(batch, target)
    print_either(results, "\n".join(map(_text, results)), as_json=as_json)
    if any("fail" in str(result.get("would", result.get("outcome"))) for result in results):
        raise SystemExit(Exit.CHECK_FAILED)


def _processed(batch: Any, target: Target) -> list[dict[str, Any]]:
    from deliverywatch.files import aws
    from deliverywatch.files import process as flow
    from deliverywatch.files.admission import Filters
    from deliverywatch.files.aws_objects import Objects
    from deliverywatch.files.records import mail_context
    from deliverywatch.files.records.items import Retention

    cloud, deployment = target.find()
    has_pusher = "FilesContentTypes" in deployment.parameters
    dynamodb, s3 = cloud.client("dynamodb"), cloud.s3_of(deployment.account)
    ports = flow.Ports(
        table=aws.Table(dynamodb, deployment.output("FilesTable"), _layout(deployment)),
        failures=aws.Failures(dynamodb, deployment.output("FilesFailuresTable")),
        lake=aws.Lake(s3, deployment.bucket, mail_context.KEY),
        objects=Objects(s3, everything=has_pusher),
    )
    days = (int(deployment.parameters[name]) for name in ("FilesItemDays", "FilesTombstoneDays"))
    settings = flow.Settings(
        Retention(*days),
        # A message that fails here is in no queue: it is no dead letter, however often it was delivered.
        most_receives=1_000_000,
        filters=Filters.of(deployment.parameters),
        has_pusher=has_pusher,
        watched_bucket=deployment.output("FilesBucket"),
        layout=_layout(deployment),
    )
    return [
        {
            "message_id": result.message.id,
            "outcome": result.outcome.value,
            "problem": result.failure.problem if result.failure else None,
        }
        for result in flow.process(batch, datetime.now(UTC), ports, settings).results
    ]


def _text(result: dict[str, Any]) -> str:
    head = f"{result['message_id']}  {result.get('would') or result['outcome']}"
    lines = [result[name] for name in ("problem", "next_step") if result.get(name)]
    lines += [
        f"{item['state']:13} {one_line(item['object'])}  version {item['version']}" for item in result.get("items", [])
    ]
    return "\n  ".join([head, *lines, *result.get("ignored", [])])


@files.command()
@click.argument("key")
@click.option("--bucket", help="The bucket.  [default: the one that is watched]")
@target_and_json
def find(*, target: Target, key: str, bucket: str | None, as_json: bool) -> None:
    """Show all versions of the object KEY that the table knows.

    S3 says which of them is there now; where it cannot be asked, the table.

    \b
    JSON: {"object": "bucket/key", "current": {...} or null, "decided_by": "s3" or
           "table", "undecided": [""], "unknown_version": "", "versions": [{...}]}
    Exit codes: 0 there is an object now, 3 there is none, 5 it is undecided.
    """  # noqa: D301 - click wants the control character
    from deliverywatch.files import aws_tools
    from deliverywatch.files import find as flow
    from deliverywatch.files.records.events import object_of

    cloud, deployment = target.find()
    bucket = bucket or deployment.output("FilesBucket")
    name = object_of(bucket, key)
    table = _items(cloud, deployment)
    versions = sorted(table.versions(name), key=lambda version: (version["event_time"], version["sequencer"]))
    listing = aws_tools.VersionListing(cloud.s3_of(deployment.account), bucket)
    answer = flow.find(key, versions, listing)
    if as_json:
        print_json({"object": name, **asdict(answer)})
    else:
        _print_versions(answer)
        echo(one_line(answer.sentence(name)), err=True)
    if answer.is_uncertain:
        raise SystemExit(Exit.UNSEEN)
    if answer.current is None:
        raise SystemExit(Exit.CHECK_FAILED)


def _print_versions(answer: KeyState) -> None:
    for version in answer.versions:
        is_current = answer.current is not None and version["version"] == answer.current["version"]
        mark = "may" if version["version"] in answer.undecided else "now" if is_current else ""
        size = f"{version['size_bytes']:,} bytes" if "size_bytes" in version else ""
        echo(f"{version['event_time'][:19]}  {version['state']:13} {size:>16}  {mark:3}  {version['version']}")


@files.command()
@_PREFIX
@click.option("--repair", is_flag=True, help="Send messages that bring the table to what the bucket holds.")
@_DRY_RUN
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="Most examples of each kind.")
@target_and_json
def verify(*, target: Target, prefix: str, repair: bool, dry_run: bool, limit: int, as_json: bool) -> None:
    """Compare the bucket with the table, version by version.

    \b
    missing  the bucket has it, the table does not
    stale    the table has another content or state
    extra    the table has it, the bucket does not
    What is younger than 5 minutes may be on its way and is left out, and so is
    what the stack's filters leave out.

    \b
    JSON: {"same_count": 0, "on_the_way_count": 0, "left_out_count": 0,
           "missing_count": 0, "stale_count": 0, "extra_count": 0,
           "sent_count": 0,
           "missing": [{"key": "", "version": ""}], "stale": [...],
           "extra": [...]}
    Exit codes: 0 all as it should be, or repair messages sent, 3 differences.
    """  # noqa: D301 - click wants the control character
    from deliverywatch.files import verify as flow
    from deliverywatch.files.admission import Filters
    from deliverywatch.files.aws_objects import Objects

    cloud, deployment = target.find()
    name, now = deployment.output("FilesBucket"), datetime.now(UTC)
    table = _items(cloud, deployment)
    days = int(deployment.parameters["FilesItemDays"])
    kept_since = now - timedelta(days=days) if days else None
    objects = Objects(cloud.s3_of(deployment.account))
    watched = flow.Watched(name, Filters.of(deployment.parameters), objects, kept_since, _layout(deployment))
    differences = flow.compare(_bucket(cloud, deployment), table, prefix, now, watched)
    bodies = flow.repairs(name, differences, now) if repair else []
    sent = _sent(cloud, deployment.output("FilesQueueUrl"), bodies) if not dry_run else 0
    if as_json:
        print_json({**differences.as_fields(limit), "sent_count": sent})
    else:
        _print_differences(differences, limit, len(bodies), sent)
    if not differences.is_right and not sent:
        raise SystemExit(Exit.CHECK_FAILED)


def _print_differences(differences: Differences, limit: int, repair_count: int, sent_count: int) -> None:
    document = differences.as_fields(limit)
    for kind in ("missing", "stale", "extra"):
        for version in document[kind]:
            echo(f"{kind:8} {one_line(version['key'])}  version {version['version']}")
    counts = ", ".join(f"{document[f'{kind}_count']} {kind}" for kind in ("missing", "stale", "extra"))
    others = f"{differences.on_the_way_count} too recent to judge, {differences.left_out_count} left out by the filters"
    echo(f"{differences.same_count} as they should be, {counts}, {others}.", err=True)
    if repair_count:
        echo(f"{sent_count} of {repair_count} messages were sent that repair it.", err=True)


@files.command()
@click.option("--prefix", required=True, help="Only keys that begin with this; '' for all.")
@_DRY_RUN
@target_and_json
def reprocess(*, target: Target, prefix: str, dry_run: bool, as_json: bool) -> None:
    """Send what is in the bucket through the intake again.

    Sends every version in its listing whose key the stack's filters take. The
    table changes only where it differs from the bucket, and never back to a state
    that is older than one it knows.

    \b
    JSON: {"listed_count": 0, "message_count": 0, "dry_run": true}
    """  # noqa: D301 - click wants the control character
    from deliverywatch.files import verify as flow
    from deliverywatch.files.admission import Filters

    cloud, deployment = target.find()
    name = deployment.output("FilesBucket")
    takes_key = Filters.of(deployment.parameters).takes_key
    shown = _layout(deployment).shown(_bucket(cloud, deployment).listing(prefix))
    listed = [listed for listed in shown if takes_key(listed.key)]
    bodies = list(flow.bodies(name, listed))
    if not dry_run:
        _sent(cloud, deployment.output("FilesQueueUrl"), bodies)
    report = {"listed_count": len(listed), "message_count": len(bodies), "dry_run": dry_run}
    if as_json:
        print_json(report)
    else:
        what = "would be sent" if dry_run else "were sent"
        echo(f"{len(bodies)} messages about {len(listed)} versions {what}.", err=True)


def _layout(deployment: Deployment) -> Layout:
    from deliverywatch.files.records.layout import Layout

    # A stack of an earlier release has no choice.
    return Layout(deployment.parameters.get("FilesTableLayout", Layout.VERSIONS))


def _items(cloud: Cloud, deployment: Deployment) -> Items:
    from deliverywatch.files import aws_tools

    return aws_tools.Items(cloud.client("dynamodb"), deployment.output("FilesTable"), _layout(deployment))


def _bucket(cloud: Cloud, deployment: Deployment) -> VersionListing:
    """The watched bucket."""
    from deliverywatch.files import aws_tools

    return aws_tools.VersionListing(cloud.s3_of(deployment.account), deployment.output("FilesBucket"))


def _sent(cloud: Cloud, url: str, bodies: list[str]) -> int:
    from deliverywatch.files.aws_push import Queue

    Queue(cloud.client("sqs"), url).send(bodies)
    return len(bodies)
