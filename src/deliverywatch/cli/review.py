"""`deliverywatch review INC`: what a team would write after an incident, as Markdown with its chart."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cwalarm.cli.terminal import echo, writing
from deliverywatch.cli.terminal.incident_options import Session, open_session, plain
from deliverywatch.cli.terminal.target import Target, target

if TYPE_CHECKING:
    from datetime import datetime

    from deliverywatch.alerting.incidents.incident import Incident
    from deliverywatch.alerting.incidents.outbox import Record
    from deliverywatch.operate.review.alternative import Replayed
    from deliverywatch.operate.review.document import Material
    from deliverywatch.operate.review.impact import Impact

# The watches that are about SMS failing: what the lake and the back-test can say something of.
_SMS, _REPLAYED = "sms-", "sms-failures"


@click.command()
@click.argument("incident")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write into this file, the chart beside it."
)
@click.option("--watch", default="", help="Its watch, if two incidents opened in the same minute.")
@target
def review(*, incident: str, out: Path | None, watch: str, target: Target) -> None:
    """Write the review of INCIDENT: what happened, who was affected, how fast it was known.

    It is Markdown, from records only: what they do not say stands at its end. With --out FILE.md the chart is
    FILE.svg beside it.

    \b
    deliverywatch review INC-1121-1204 --out INC-1121-1204.md
    """  # noqa: D301 - click wants the control character
    if out is not None and not out.absolute().parent.is_dir():
        raise click.UsageError(f"--out: there is no folder {out.parent}.")
    from deliverywatch.operate.review.document import review as written

    material = _material(open_session(target), incident, watch, target.options())
    chart = _chart(material) if out else ""
    picture = out.with_suffix(".svg") if out and chart else None
    text = plain(written(material, picture.name if picture else ""))
    if out is None:
        echo(text, nl=False)
        return
    with writing(out):
        out.write_text(text, encoding="utf-8")
        if picture:
            picture.write_text(chart, encoding="utf-8")
    echo(f"The review is in {out}{f', its chart in {picture}' if picture else ''}.", err=True)


def _material(session: Session, incident_id: str, watch: str, commands: str) -> Material:
    from deliverywatch.cli.explain import facts_of
    from deliverywatch.operate.incidents import mutes
    from deliverywatch.operate.review.document import Material
    from deliverywatch.thresholds import CRITICAL_PERCENT, WARNING_PERCENT

    facts = facts_of(session, incident_id, watch, mutes.ALL)
    ended_at = session.now if facts.incident.is_open else facts.incident.changed_at
    chosen = session.stack.parameters
    warning = float(chosen.get("WarningThresholdPercent", WARNING_PERCENT))
    critical = float(chosen.get("CriticalThresholdPercent", CRITICAL_PERCENT))
    impact = _impact(session, facts.incident, ended_at, warning) if facts.incident.watch.startswith(_SMS) else None
    replayed = _replayed(session, facts.incident, ended_at)
    return Material(facts, impact, replayed, warning, critical, commands, _messages(session, facts.incident))


def _messages(session: Session, incident: Incident) -> list[Record]:
    """Return the records of what was sent to channels beside mail."""
    from deliverywatch.alerting.incidents.outbox import CHANNELS
    from deliverywatch.operate.incidents.mails import of_incident

    sent = of_incident(session.lake, incident.id, incident.opened_at, session.now, CHANNELS)
    return [record for record in sent if record.watch == incident.watch]


def _impact(session: Session, incident: Incident, ended_at: datetime, warning_percent: float) -> Impact:
    from deliverywatch.cli.terminal.lake_options import Lake
    from deliverywatch.operate.review.impact import impact

    settings = Lake("", "", session.lake, session.stack.parameters).settings()
    return impact(session.lake, settings, incident.opened_at, ended_at, session.now, warning_percent)


def _replayed(session: Session, incident: Incident, ended_at: datetime) -> Replayed:
    """Return what the back-test says; whatever stops it, the rest of the review is written."""
    from deliverywatch.errors import DeliveryWatchError
    from deliverywatch.operate.review.alternative import Replayed

    if incident.watch != _REPLAYED:
        return Replayed(problem="the back-test replays shares of failed SMS only.")
    from deliverywatch.backtest import faster
    from deliverywatch.cli.backtest import NamedHistory
    from deliverywatch.operate.account import aws

    try:
        template = aws.template(session.cloud, session.stack.name)
        with tempfile.TemporaryDirectory() as folder:
            copy = faster.copied(session.lake, Path(folder), incident, ended_at)
            parameters = session.stack.parameters
            return faster.replayed(incident, ended_at, template, parameters, copy, NamedHistory(str(copy), None, None))
    except DeliveryWatchError as error:
        return Replayed(problem=f"{error} {error.next_step}")
    except Exception as error:  # a lake or a template can be anything
        return Replayed(problem=f"the back-test failed with {type(error).__name__}.")


def _chart(material: Material) -> str:
    from deliverywatch.messages.level import Level
    from deliverywatch.operate.review.chart import Mark, bars, svg

    impact, incident = material.impact, material.facts.incident
    if impact is None or not any(slot.total for slot in impact.shown):
        return ""
    marks = [Mark(one.time, f"{material.time(one.time)} {one.what}", one.tone) for one in material.entries]
    title = f"{incident.id}: failed share of the SMS, every {impact.minutes} minutes"
    limits = [(Level.CRITICAL, material.critical_percent), (Level.WARNING, material.warning_percent)]
    return svg(title, bars(impact.shown, impact.minutes), impact.period, limits, marks, material.facts.clock)
