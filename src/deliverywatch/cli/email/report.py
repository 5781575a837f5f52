"""`deliverywatch email report`: what an advertiser asks of a period, as a table, CSV, JSON or a page with charts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cwalarm.cli.terminal import echo, one_line, print_json, writing
from deliverywatch.cli.email.lake import LAKE, store_of
from deliverywatch.cli.email.land import STREAMS
from deliverywatch.cli.terminal.output import print_plain, table
from deliverywatch.cli.terminal.target import Target, target_and_json
from deliverywatch.cli.terminal.time_options import TimeOrAge
from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table

    from deliverywatch.email.events.links import LinkRules

_DAYS = 30


@click.command()
@LAKE
@click.option("--since", type=TimeOrAge(), help="Mails sent from then on.  [default: 30 days before --until]")
@click.option("--until", type=TimeOrAge(), help="Mails sent before.  [default: now]")
@click.option("--stream", type=STREAMS, help="Only this one.  [default: both]")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page with charts to this file.")
@click.option(
    "--csv", "folder", type=click.Path(file_okay=False, path_type=Path), help="Write CSV files to this folder."
)
@click.option("--unsubscribe-link", "unsubscribe_links", multiple=True, help="How a link to leave begins; repeatable.")
@click.option("--tracking-parameter", "parameters", multiple=True, help="Own parameter that only tracks; repeatable.")
@target_and_json
def report(
    *,
    target: Target,
    lake: Path | None,
    since: datetime | None,
    until: datetime | None,
    stream: str | None,
    html: Path | None,
    folder: Path | None,
    unsubscribe_links: tuple[str, ...],
    parameters: tuple[str, ...],
    as_json: bool,
) -> None:
    """Report how campaigns did.

    Delivered, opened, clicked, growth of the audience, receiving domains, links. Opens and clicks are of people, of
    bots, and of both, by SES's own verdict; where it gave none, a share of people is two bounds.

    Links by which people unsubscribe, and parameters that only track, are those of the stack, EmailUnsubscribeLinks
    and EmailTrackingParameters, unless they are named here.

    \b
    Example: deliverywatch email report --lake lake --since 2026-11-01 \\
               --html report.html
    """  # noqa: D301 - click wants the control character
    from deliverywatch.email.events.streams import Stream
    from deliverywatch.email.report import pages as flow

    end = until or datetime.now(UTC)
    start = since or end - timedelta(days=_DAYS)
    if start >= end:
        raise InputError("--since is not before --until.", next_step="Name a period, the earlier time first.")
    streams = [Stream(stream)] if stream else list(Stream)
    links = _links(lake, target, unsubscribe_links, parameters)
    period = start.astimezone(UTC), end.astimezone(UTC)
    document = flow.engagement(store_of(lake, target), *period, streams, links).document()
    if html:
        with writing(html):
            html.write_text(flow.html_of(document), encoding="utf-8")
        echo(f"{html}", err=True)
    if folder:
        _write(document, folder)
    _print(document, as_json=as_json)


def _links(lake: Path | None, target: Target, unsubscribe: tuple[str, ...], parameters: tuple[str, ...]) -> LinkRules:
    from deliverywatch.email.events.links import LinkRules, listed

    of_stack = target.find()[1].parameters if lake is None else {}
    return LinkRules(
        parameters or listed(of_stack.get("EmailTrackingParameters", "")),
        unsubscribe or listed(of_stack.get("EmailUnsubscribeLinks", "")),
    )


def _write(document: dict[str, Any], folder: Path) -> None:
    from deliverywatch.email.report import pages as flow

    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for section in flow.SECTIONS:
        path = folder / f"{section}.csv"
        with writing(path):
            path.write_text(flow.csv_of(document[section]), encoding="utf-8")
        echo(f"{path}", err=True)


def _print(document: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(document)
        return
    if not document["campaigns"]:
        echo("There are no events in this period.")
        return
    print_plain(_campaigns(document["campaigns"]))
    print_plain(_weeks(document["weeks"]))
    print_plain(_domains(document["domains"]))
    for row in document["providers"]:
        echo(f"{row['stream'].capitalize()}: {one_line(row['sentence'])}")


def _campaigns(rows: list[dict[str, Any]]) -> Table:
    names = ("sent", "delivered", "bounced", "opened", "people", "clicked", "people")
    title = "Per campaign, newest first; people at least and at most, where SES gave no verdict"
    campaigns = table("~campaign", *(f">{name}" for name in names), title=title)
    campaigns.columns[0].overflow = "fold"
    for row in rows:
        campaigns.add_row(
            f"{row['stream'][:5]}: {one_line(row['campaign'])}",
            f"{row['sent']:,}",
            f"{row['delivered']:,}",
            _percent(row["bounced_percent"]),
            *(value for name in ("open", "click") for value in (_percent(row[f"{name}_percent"]), _people(row, name))),
        )
    return campaigns


def _people(row: dict[str, Any], name: str) -> str:
    least, most = row[f"{name}_percent_people_at_least"], row[f"{name}_percent_people_at_most"]
    # More visits than deliveries: events are missing, and what is no share has no bounds.
    return _percent(most) if most in (None, least) else f"{least:.0f}-{most:.0f}%"


def _percent(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{value:.{digits}f}%"


def _weeks(rows: list[dict[str, Any]]) -> Table:
    names = ("~week", "~stream", ">reached", ">growth", ">engaged", ">growth")
    weeks = table(*names, title="\nDifferent people by the week of their mails (UTC, from Monday)")
    for row in rows:
        weeks.add_row(
            row["week"],
            row["stream"],
            f"{row['reached']:,}",
            _growth(row["reached_growth_percent"]),
            _engaged(row),
            _growth(row["engaged_growth_percent"]),
        )
    return weeks


def _engaged(row: dict[str, Any]) -> str:
    if row["engaged"] is not None:
        return f"{row['engaged']:,}"
    return f"{row['engaged_at_least']:,}-{row['engaged_at_most']:,}"


def _domains(rows: list[dict[str, Any]]) -> Table:
    names = ("~domain", ">sent", ">delivered", ">delayed", ">bounced", ">complained")
    domains = table(*names, title="\nThe domains that receive most")
    domains.columns[0].overflow = "fold"
    for row in rows:
        is_reported = row["complaints"] == "reported"
        domains.add_row(
            f"{row['stream'][:5]}: {one_line(row['domain']) or '(none)'}",
            f"{row['sent']:,}",
            f"{row['delivered']:,}",
            _percent(row["delayed_percent"]),
            _percent(row["bounced_percent"]),
            _percent(row["complained_percent"], 2) if is_reported else row["complaints"],
        )
    return domains


def _growth(value: float | None) -> str:
    return "" if value is None else f"{value:+.1f}%"
