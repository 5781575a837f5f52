"""`backtest --recommend`: what was asked for -> the recommendation, printed, as JSON, and as files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from cwalarm.cli.terminal import counted, echo, print_json, wrapped, writing
from deliverywatch.cli.terminal.output import print_plain, table
from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from deliverywatch.backtest.compare import Request
    from deliverywatch.backtest.results.recommendation import Recommendation

# Of more incidents the first are listed; JSON, the page and --write-incidents have all.
_LISTED = 20
_MAIL_LINES = 30


def recommendation(
    replay: Request,
    budget: tuple[float, float],
    alarm: str,
    incidents: Path | None,
    write_incidents: Path | None,
    on_progress: Callable[[float, str], None],
) -> Recommendation:
    """Return the recommendation for a replay, and write the incidents that it rests on, if that is wanted."""
    from deliverywatch.backtest.recommend import Wish, recommend
    from deliverywatch.backtest.results.recommendation import Budget
    from deliverywatch.backtest.tuning import marked

    if write_incidents and write_incidents.exists():
        raise InputError(f"{write_incidents} exists.", next_step="Name another file, or remove that one.")
    known = marked.read(incidents) if incidents else None
    wish = Wish(
        replay,
        Budget(*budget, replay.night),
        alarm,
        known.incidents if known else None,
        known.notes if known else (),
    )
    result = recommend(wish, on_progress)
    if write_incidents:
        marked.write(write_incidents, result.incidents)
        echo(f"{counted(len(result.incidents), 'incident')} are in {write_incidents}.", err=True)
    return result


def show(result: Recommendation, *, as_json: bool, report: Path | None, render_to: Path | None) -> None:
    """Print a recommendation, and write its page and its mails."""
    from deliverywatch.backtest.report import recommended

    if render_to:
        with writing(render_to):
            render_to.mkdir(parents=True, exist_ok=True)
            for number, sample in enumerate(result.samples, 1):
                render_to.joinpath(f"{number:03}-{sample.mail.incident}.eml").write_bytes(sample.mail.message)
        echo(f"Mails are in {render_to}.", err=True)
    if report:
        with writing(report):
            report.write_text(recommended.page(result), encoding="utf-8")
        echo(f"The report is in {report}.", err=True)
    if as_json:
        print_json(recommended.document(result))
    else:
        _print(result)


def _print(result: Recommendation) -> None:
    from deliverywatch.backtest.report import recommended

    span = f"{result.span.start:%Y-%m-%d %H:%M} to {result.span.end:%Y-%m-%d %H:%M} UTC"
    _say(f"{result.alarm}, {span}, {result.span.days:,.1f} days.")
    _say(recommended.coverage_sentence(result))
    for sentence in result.refusals:
        _say(f"Cannot recommend: {sentence}")
    print_plain(_incidents(result))
    for sentence in result.how:
        _say(sentence)
    print_plain(_settings(result))
    _say(
        f"Wanted: at most {result.budget.mails_a_week:g} mails a week, {result.budget.night_mails_a_week:g} of them at "
        f"night ({result.budget.night.words}). Counted are the mails of {result.watch}."
    )
    _print_advice(result)
    for sample in result.samples:
        _print_mail(sample.why, sample.text, sample.mail.subject, f"{sample.mail.time:%Y-%m-%d %H:%M} UTC")
    echo()
    for note in result.notes:
        echo(wrapped(note))


def _say(sentence: str) -> None:
    echo(wrapped(sentence))


def _print_advice(result: Recommendation) -> None:
    from deliverywatch.backtest.report import recommended

    echo()
    command = recommended.deploy_command(result)
    if command:
        echo("Set it:")
        print_plain(f"  {command}")
    elif result.changes:
        _say(f"Set in the template: {', '.join(f'{name} to {value}' for name, value in result.changes)}.")
    elif unchanged := recommended.unchanged_sentence(result):
        _say(unchanged)
    for sentence in result.reasons:
        echo(wrapped(sentence, "  ", "- "))
    if sentence := recommended.hold_out_sentence(result):
        _say(sentence)


def _incidents(result: Recommendation) -> object:
    source = "marked" if result.is_marked else "detected"
    if not result.incidents:
        return f"\nNo incident {source}.\n"
    zone = ZoneInfo(result.budget.night.time_zone)
    more = f", the first {_LISTED}" if len(result.incidents) > _LISTED else ""
    title = f"\n{counted(len(result.incidents), 'incident')} {source}{more}"
    listed = table(f"from ({zone.key})", "until", ">messages", ">failed", ">usual %", "~name", title=title)
    for one in result.incidents[:_LISTED]:
        times = (f"{moment.astimezone(zone):%Y-%m-%d %H:%M}" for moment in (one.span.start, one.span.end))
        counts = ("" if count is None else f"{count:,}" for count in (one.message_count, one.failed_count))
        usual = "" if one.usual_percent is None else f"{one.usual_percent:.1f}"
        listed.add_row(*times, *counts, usual, one.name)
    return listed


def _settings(result: Recommendation) -> object:
    from deliverywatch.backtest.report import recommended

    headings = [recommended.HEADINGS[role] for role, _ in result.columns]
    settings = table("", *(f">{name}" for name in headings), title="\nWhat each setting means", padding=2)
    for row in recommended.rows(result):
        settings.add_row(*row)
    return settings


def _print_mail(why: str, text: str, subject: str, time: str) -> None:
    lines = text.strip().splitlines()
    shown = [*lines[:_MAIL_LINES], *(["..."] if len(lines) > _MAIL_LINES else [])]
    echo()
    _say(f"{why.capitalize()}, {time}:")
    print_plain(f"  | Subject: {subject}", "  |", *(f"  | {line}" for line in shown))
