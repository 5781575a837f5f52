"""`deliverywatch files dlq ...`: why messages failed, and trying them again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from cwalarm.cli.terminal import counted, echo, one_line, print_json, wrapped
from deliverywatch.cli.terminal.target import Target, target_and_json

if TYPE_CHECKING:
    from deliverywatch.files.records.dead_letters import DeadLetters, Explained, Reasons

_FOLLOW_SECONDS = 60

_LIMIT = click.option(
    "--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="Most dead letters to look at."
)


@click.group()
def dlq() -> None:
    """Look at messages that failed five times, and try them again."""


@dlq.command("list")
@_LIMIT
@target_and_json
def list_dead_letters(*, target: Target, limit: int, as_json: bool) -> None:
    """Say why each dead letter failed, oldest first. They stay in the queue.

    \b
    JSON: [{"message_id": "", "sent_at": "", "failed_at": "", "kind": "malformed",
            "problem": "", "next_step": "", "objects": "bucket/key, ...",
            "will_fail_again": true}]
    """  # noqa: D301 - click wants the control character
    from deliverywatch.files.records import dead_letters as flow

    dead_letters = flow.explained(*_ports(target), limit)
    if as_json:
        print_json([dead_letter.as_fields() for dead_letter in dead_letters])
        return
    for dead_letter in dead_letters:
        echo(_short(dead_letter))
    echo(_summary(len(dead_letters), limit), err=True)


@dlq.command()
@click.argument("message_id")
@_LIMIT
@target_and_json
def show(*, target: Target, message_id: str, limit: int, as_json: bool) -> None:
    """Show one dead letter with its body.

    The beginning of its id will do.

    \b
    JSON: as `list`, with "body".
    """  # noqa: D301 - click wants the control character
    from deliverywatch.files.records import dead_letters as flow

    explained = flow.one(*_ports(target), message_id, limit)
    if as_json:
        print_json({**explained.as_fields(), "body": explained.dead_letter.body})
        return
    body = "\n".join(map(one_line, explained.dead_letter.body.expandtabs().splitlines()))
    echo(f"{_short(explained)}\n{wrapped(explained.next_step, '  ')}\n\n{body}")


@dlq.command()
@click.option("--dry-run", is_flag=True, help="Say what would be tried again, and move nothing.")
@click.option("--rate", type=click.IntRange(1, 500), help="Most messages a second.  [default: as many as SQS moves]")
@_LIMIT
@target_and_json
def redrive(*, target: Target, dry_run: bool, rate: int | None, limit: int, as_json: bool) -> None:
    """Send all dead letters through the intake again.

    SQS moves them; --limit bounds only what is looked at before. Messages that
    are wrong themselves fail again and come back.

    \b
    JSON: {"dry_run": true, "count": 1, "in_vain_count": 0, "kinds": [{"kind": "",
            "problem": "", "count": 1, "will_fail_again": false}],
           "status": "COMPLETED", "moved_count": 1}
    """  # noqa: D301 - click wants the control character
    from deliverywatch.files.records import dead_letters as flow

    dead_letters = flow.explained(*_ports(target), limit)
    kinds = flow.by_kind(dead_letters)
    report: dict[str, Any] = {
        "dry_run": dry_run,
        "count": len(dead_letters),
        "in_vain_count": sum(dead_letter.will_fail_again for dead_letter in dead_letters),
        "kinds": [
            {"kind": kind, "problem": problem, "count": count, "will_fail_again": in_vain}
            for kind, problem, count, in_vain in kinds
        ],
    }
    if dead_letters and not dry_run:
        report |= _moved(target, rate)
    if as_json:
        print_json(report)
    else:
        _print_redrive(report, limit)


def _ports(target: Target) -> tuple[DeadLetters, Reasons]:
    from deliverywatch.files import aws_tools

    cloud, deployment = target.find()
    dead_letters = aws_tools.DeadLetters(cloud.client("sqs"), deployment.output("FilesDeadLettersUrl"))
    return dead_letters, aws_tools.Reasons(cloud.client("dynamodb"), deployment.output("FilesFailuresTable"))


def _moved(target: Target, rate: int | None) -> dict[str, Any]:
    from deliverywatch.files import aws_tools

    cloud, deployment = target.find()
    urls = (deployment.output("FilesDeadLettersUrl"), deployment.output("FilesQueueUrl"))
    task = aws_tools.Redrive(cloud.client("sqs"), *urls)
    task.start(rate)
    deadline = time.monotonic() + _FOLLOW_SECONDS
    while (status := task.status()).get("Status") == "RUNNING" and time.monotonic() < deadline:
        time.sleep(1)
    return {
        "status": status.get("Status", "UNKNOWN"),
        "moved_count": status.get("ApproximateNumberOfMessagesMoved", 0),
        **({"failure": status["FailureReason"]} if status.get("FailureReason") else {}),
    }


def _print_redrive(report: dict[str, Any], limit: int) -> None:
    for kind in report["kinds"]:
        tail = "will fail again" if kind["will_fail_again"] else "may work now"
        echo(f"{kind['count']:6}  {kind['kind']}: {tail}\n{wrapped(kind['problem'], ' ' * 8)}")
    if report["dry_run"]:
        echo(f"Nothing was moved. {_summary(report['count'], limit)}", err=True)
    elif not report["count"]:
        echo("There is no dead letter.", err=True)
    else:
        echo(f"{report['status']}: {report['moved_count']} moved back to the queue.", err=True)


def _short(explained: Explained) -> str:
    letter, again = explained.dead_letter, ", and will again" if explained.will_fail_again else ""
    head = f"{letter.message_id}  {explained.kind}{again}\n  sent {letter.sent_at:%Y-%m-%d %H:%M:%S} UTC"
    objects = f"\n  {one_line(explained.objects)}" if explained.objects else ""
    return f"{head}{objects}\n{wrapped(explained.problem, '  ')}"


def _summary(count: int, limit: int) -> str:
    more = ", and there may be more: see --limit" if count >= limit else ""
    return f"{counted(count, 'dead letter') if count else 'No dead letters'}{more}."
