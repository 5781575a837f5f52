"""`deliverywatch backtest`: a template and a history -> the mails that would have been sent, as a table or as JSON."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from cwalarm.cli.terminal import echo, harmless, json_option, print_json, wrapped, writing
from deliverywatch.cli.terminal.output import print_plain, table
from deliverywatch.cli.terminal.recommendation import recommendation, show
from deliverywatch.cli.terminal.time_options import Hours, TimeOrAge, zone_option
from deliverywatch.errors import InputError
from deliverywatch.thresholds import BACKTEST_MAILS_A_WEEK, BACKTEST_NIGHT_MAILS_A_WEEK

if TYPE_CHECKING:
    from rich.table import Table

    from deliverywatch.backtest.inputs.definitions import Definitions, Source
    from deliverywatch.backtest.inputs.history import History
    from deliverywatch.backtest.results.result import Curve, Result, Variant

LIVE = "cloudwatch"
_BAR_WIDTH = 24
_MANY = click.FloatRange(0)
_NIGHT_MAILS = f"Of these.  [default: {BACKTEST_NIGHT_MAILS_A_WEEK}]"
_CSV = click.Path(path_type=Path, dir_okay=False)
_SLOT_MINUTES = ("1", "2", "5", "10")


@click.command()
@click.option("--template", required=True, help="A file, JSON or YAML, or 'cloudwatch': the account's alarms.")
@click.option("--history", required=True, help="The folder of a lake, a .csv or .parquet file, or 'cloudwatch'.")
@click.option("--from", "start", type=TimeOrAge(), help="Begin of the replay.  [default: that of the history]")
@click.option("--to", "end", type=TimeOrAge(), help="Its end.  [default: that of the history]")
@click.option("--set", "settings", multiple=True, metavar="P=A,B,C", help="Compare values of a parameter.")
@click.option("--sweep", is_flag=True, help="Try warning thresholds: mails a month at each, and the knee.")
@click.option("--without", multiple=True, metavar="PATTERN", help="Leave out alarms, such as '*-blind'.")
@zone_option
@click.option("--night", type=Hours(), default="22-6", show_default=True, help="The hours that are night there.")
@click.option("--recommend", "is_wanted", is_flag=True, help="Recommend threshold, guard and window.")
@click.option("--alarm", default="", metavar="PATTERN", help="Of this alarm.  [default: of the failed share]")
@click.option("--mails-a-week", type=_MANY, default=BACKTEST_MAILS_A_WEEK, show_default=True, help="At most.")
@click.option("--night-mails-a-week", "night_mails", type=_MANY, default=BACKTEST_NIGHT_MAILS_A_WEEK, help=_NIGHT_MAILS)
@click.option("--incidents", type=_CSV, help="CSV from,until[,name]: what was wrong.  [default: detected]")
@click.option("--write-incidents", type=_CSV, help="Write them there, to be corrected.")
@click.option("--render-to", type=click.Path(path_type=Path, file_okay=False), help="Write every mail there.")
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), help="Write a page with charts.")
@json_option
def backtest(
    *,
    template: str,
    history: str,
    start: datetime | None,
    end: datetime | None,
    settings: tuple[str, ...],
    sweep: bool,
    without: tuple[str, ...],
    time_zone: str,
    night: tuple[int, int],
    is_wanted: bool,
    alarm: str,
    mails_a_week: float,
    night_mails: float,
    incidents: Path | None,
    write_incidents: Path | None,
    render_to: Path | None,
    report: Path | None,
    as_json: bool,
) -> None:
    """List the mails that the alarms of a template would have sent over a history.

    Every minute is evaluated as CloudWatch would, and the notifier's own code decides on the mails.

    \b
    deliverywatch backtest --template build/template.json --history lake
    deliverywatch backtest --template build/template.json --history lake \\
        --set WarningThresholdPercent=2,3,5 --report report.html

    \b
    mails / month  for a month of 30.4 days, and none for less than a week
    to the mail    median minutes from the first bad message to the mail
    missed         times without an open incident in which the share of 100
                   messages or more exceeded the template's threshold
    open           hours in which an incident was open

    \b
    --recommend turns WarningThresholdPercent, MinimumFailed, MinimumTotal and
    WindowMinutes, or the threshold of another --alarm; several values of --set
    are those that are tried. It recommends the smallest setting that misses
    no incident and keeps within the mails a week, shows its neighbours, three
    mails, and what it would have done in a part that it had not seen. It says
    so, and recommends nothing, where under 90 % of the history has data.

    \b
    deliverywatch backtest --template build/template.json --history lake \\
        --recommend --time-zone Europe/Berlin --mails-a-week 3

    \b
    JSON: {"from": "2026-11-21T11:00:00Z", "to": "", "time_zone": "UTC",
           "notes": [""], "left_out": ["alarm"],
           "true_incidents": {"alarm": "", "spans": [{"from": "", "to": ""}]},
           "variants": [{"label": "", "parameters": {"P": "2"},
             "figures": {"mails_count": 0, "incidents_count": 0,
               "night_mails_count": 0, "mails_a_month": 0.0,
               "night_mails_a_month": 0.0,
               "median_minutes_to_mail": 0.0, "missed_count": 0,
               "missed": [{"from": "", "to": ""}], "open_minutes": 0},
             "transitions": [{"time": "", "alarm": "", "state": "ALARM",
               "previous": "OK"}],
             "incidents": [{"watch": "", "from": "", "to": ""}],
             "mails": [{"time": "", "incident": "", "watch": "",
               "event": "OPENED", "level": "warning", "subject": ""}]}],
           "sweep": {"alarm": "", "from": "", "to": "", "knee": 2.5,
             "points": [{"threshold": 0.5, "mails_count": 0,
               "mails_a_month": 0.0}]}}
    Of less than a week mails_a_month and knee are null.

    \b
    JSON of --recommend: {"alarm": "", "watch": "", "from": "", "to": "",
      "time_zone": "UTC", "night": "", "mails_a_week": 2.0,
      "night_mails_a_week": 1.0, "refusals": [""],
      "coverage": {"percent": 98.2, "slot_minutes": 10, "expected_count": 0,
        "present_count": 0, "gaps": [{"from": "", "until": ""}]},
      "incidents": {"source": "detected", "how": [""], "judged": [{
        "from": "", "until": "", "name": "", "messages": 0, "failed": 0,
        "usual_percent": 0.8}], "unjudged": []},
      "settings": [{"role": "today" | "smaller" | "recommended" | "larger",
        "parameters": {"P": "2"}, "from": "", "to": "", "mails_count": 0,
        "night_mails_count": 0, "mails_a_month": 0.0,
        "night_mails_a_month": 0.0, "mails_a_week": 0.0,
        "night_mails_a_week": 0.0, "noise_count": 0, "most_in_a_week": 0,
        "by_weekday": [0], "by_hour": [0], "median_minutes_to_mail": 0.0,
        "longest_minutes_to_mail": 0.0, "missed": []}],
      "set": {"P": "2"}, "deploy": "deliverywatch deploy --set P=2",
      "reasons": [""], "hold_out": {"split": "", "violations": [""]},
      "mails": [{"why": "", "time": "", "subject": "", "text": ""}],
      "notes": [""]}
    """  # noqa: D301 - click wants the control character
    from deliverywatch.backtest.compare import Request, compare
    from deliverywatch.backtest.report.document import document
    from deliverywatch.backtest.report.page import page
    from deliverywatch.backtest.results.result import Night

    if is_wanted and sweep:
        raise InputError("--recommend and --sweep are two questions.", next_step="Give one of them.")
    history_for, is_swept = NamedHistory(history, start, end), sweep or report is not None
    hours = Night(time_zone, *night)
    request = Request(_source(template, without), history_for, settings, hours, is_swept=is_swept, start=start, end=end)
    with _progress() as show_progress:
        if is_wanted:
            budget = (mails_a_week, night_mails)
            recommended = recommendation(request, budget, alarm, incidents, write_incidents, show_progress)
        else:
            result = compare(request, show_progress)
    if is_wanted:
        return show(recommended, as_json=as_json, report=report, render_to=render_to)
    if render_to:
        _write(result, render_to)
    if report:
        with writing(report):
            report.write_text(page(result), encoding="utf-8")
        echo(f"The report is in {report}.", err=True)
    if as_json:
        print_json(document(result))
    else:
        _print(result, is_swept=sweep)
    return None


def _source(template: str, without: tuple[str, ...]) -> Source:
    from deliverywatch.backtest.inputs.definitions import LiveAccount, TemplateFile

    if template != LIVE:
        if not Path(template).exists():
            raise InputError(
                f"There is no template {template}.",
                next_step=f"Run 'python cfn/build.py' in a checkout, or give another file, or {LIVE}.",
            )
        return TemplateFile(Path(template), without)
    from deliverywatch.backtest.aws import cloudwatch  # brings boto3

    return LiveAccount(cloudwatch().definitions, without)


class NamedHistory:
    """The history that `--history` names, read once for all templates that see it alike."""

    def __init__(self, named: str, start: datetime | None, end: datetime | None) -> None:
        self._named = named
        self._start = start
        self._end = end
        self._read: dict[tuple[Any, ...], History] = {}

    def __call__(self, definitions: Definitions) -> History:
        """Return the history as the template's pipeline would have published it."""
        values = definitions.parameters
        minutes, counts_all = values.get("SlotMinutes", "10"), values.get("CountRecipientFaults", "true") == "true"
        if minutes not in _SLOT_MINUTES:
            raise InputError(f"SlotMinutes is {minutes}.", next_step="Give one of 1, 2, 5 and 10 to --set SlotMinutes.")
        from deliverywatch.backtest.inputs.expected import with_expected

        chosen = (values.get("Environment", "prod"), int(minutes), counts_all)
        usual = tuple((name, value) for name, value in values.items() if name.startswith(("Silence", "TimeZone")))
        key = (*chosen, tuple(definitions.metrics), usual)
        if key not in self._read:
            self._read[key] = with_expected(self._opened(definitions, *chosen), definitions)
        return self._read[key]

    def _opened(self, definitions: Definitions, environment: str, slot_minutes: int, is_everybody: bool) -> History:  # noqa: FBT001
        from deliverywatch.backtest.inputs import history, lake

        path = Path(self._named)
        if not path.exists() and self._named != LIVE:
            raise InputError(
                f"There is nothing at {path}.",
                next_step="--history takes the folder of a lake, such as demo/lake, a .csv or .parquet file of "
                f"datapoints, or {LIVE}.",
            )
        if path.is_dir():
            return lake.read(path, environment, slot_minutes, count_recipient_faults=is_everybody)
        return self._live(definitions) if self._named == LIVE else history.from_file(path, definitions)

    def _live(self, definitions: Definitions) -> History:
        from cwalarm.aws import grain_seconds
        from deliverywatch.backtest.aws import cloudwatch
        from deliverywatch.backtest.inputs import history

        if self._start is None:
            raise InputError("CloudWatch needs a begin.", next_step="Add --from, such as --from 2026-11-01.")
        now = datetime.now(UTC)
        grain = grain_seconds(self._start, now)
        return history.from_account(cloudwatch(), definitions, self._start, self._end or now, now, grain)


@contextmanager
def _progress() -> Iterator[Callable[[float, str], None]]:
    """Show a bar on stderr, if that is a terminal; yields what takes the part that is done, and its name."""
    if not sys.stderr.isatty():
        yield lambda _part, _what: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(20),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Reading", total=1.0)
        yield lambda part, what: bar.update(task, completed=part, description=harmless(what))


def _print(result: Result, *, is_swept: bool) -> None:
    span = f"{result.span.start:%Y-%m-%d %H:%M} to {result.span.end:%Y-%m-%d %H:%M} UTC"
    print_plain(f"Replayed {span}, {result.span.days:,.1f} days.")
    if len(result.variants) == 1:
        print_plain(_mails(result.variants[0], result.night.time_zone))
    print_plain(_comparison(result))
    if is_swept and result.curve:
        print_plain(_curve(result.curve))
    for note in result.notes:
        echo(wrapped(note))
    if result.left_out:
        echo(wrapped(f"Left out, because this history does not show them: {', '.join(result.left_out)}."))


def _mails(variant: Variant, time_zone: str) -> Table:
    mails = table(f"time ({time_zone})", "~subject", title=f"\n{len(variant.mails)} mails")
    for mail in variant.mails:
        mails.add_row(f"{mail.time.astimezone(ZoneInfo(time_zone)):%Y-%m-%d %H:%M}", mail.subject)
    return mails


def _comparison(result: Result) -> Table:
    from deliverywatch.backtest.report.table import COLUMNS, rows

    comparison = table(f"~{COLUMNS[0]}", *(f">{name}" for name in COLUMNS[1:]), title="\nComparison")
    for row in rows(result):
        comparison.add_row(*row)
    return comparison


def _curve(curve: Curve) -> Table:
    steps = table(">threshold", f">mails\n{curve.unit}", "", title=f"\nThreshold of {curve.alarm.name}")
    most = max(point.mails_count for point in curve.points) or 1
    for point in curve.points:
        bar = "#" * round(_BAR_WIDTH * point.mails_count / most)
        now = " today" if point.threshold == curve.alarm.threshold else ""
        bend = " knee: above it, little is gained" if point.threshold == curve.knee else ""
        steps.add_row(f"{point.threshold:g}", f"{curve.rate(point.mails_count):,.1f}", f"{bar}{now}{bend}")
    return steps


def _write(result: Result, folder: Path) -> None:
    """Write each mail as it would have been sent, in a folder per variant if there are several."""
    for position, variant in enumerate(result.variants, 1):
        # A value may hold a slash.
        name = f"{position:02}-{re.sub(r'[^A-Za-z0-9=.,-]+', '_', variant.definitions.label)}"
        target = folder / name if len(result.variants) > 1 else folder
        with writing(target):
            target.mkdir(parents=True, exist_ok=True)
            for number, mail in enumerate(variant.mails, 1):
                target.joinpath(f"{number:03}-{mail.incident}.eml").write_bytes(mail.message)
    echo(f"Mails are in {folder}.", err=True)
