"""`deliverywatch demo --system sms`: the built template, deployed on this machine, lives through a day of SMS.

Read from `perform` on. Every part is the product's own: the template of cfn/build.py, the functions' code, real boto3;
AWS (`cloud`) and ClickSend (`clicksend`, with a day of `traffic`) are stand-ins on loopback. Time is simulated.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from deliverywatch import thresholds
from deliverywatch.errors import ConfigurationError
from deliverywatch.local.clicksend.history import Messages
from deliverywatch.local.clicksend.server import ClickSendServer
from deliverywatch.local.clicksend.traffic import INCIDENT, day
from deliverywatch.local.cloud.cloud import LocalCloud
from deliverywatch.local.demo import play, report, sms_rates
from deliverywatch.local.demo.play import Progress
from deliverywatch.local.demo.reader import Reader, store_key
from deliverywatch.local.demo.report import File, Outcome, Result
from deliverywatch.local.demo.sms_rates import Rates
from deliverywatch.local.demo.timeline import Act, Timeline, timeline

CREDENTIALS = "/deliverywatch/prod/clicksend"
DAY = timedelta(days=1)
FAST = timedelta(hours=4)
FAST_FROM = timedelta(hours=10)

# The stack stands this long before the day begins: until its first run it is blind, and says so.
LEAD = timedelta(minutes=20)
_PAGES = (
    File("acknowledge.html", "where the first critical mail's link leads, as Kim saw it before taking the incident on"),
    File("mute.html", "where its other link leads"),
)


@dataclass(frozen=True, slots=True)
class Source:
    """A ClickSend account to read: the stand-in `server`, which follows the simulated time, or a real one.

    A real one has no `server`, and no `phases` (what is done to the messages, and since when).
    """

    url: str
    username: str
    api_key: str
    phases: tuple[Act, ...] = ()
    server: ClickSendServer | None = None

    def follow(self, minute: datetime) -> None:
        """Let the stand-in show what had happened by then."""
        if self.server:
            self.server.now = minute


def synthetic(server: ClickSendServer, phases: tuple[Act, ...]) -> Source:
    """Return the account of a stand-in."""
    return Source(server.url, server.username, server.api_key, phases, server)


def real_account(environ: Mapping[str, str]) -> Source | None:
    """Return the account that the environment names, or None if it names none.

    Raises:
        ConfigurationError: The address is given and the credentials are not.
    """
    url = environ.get("DELIVERYWATCH_CLICKSEND_URL", "")
    if not url:
        return None
    missing = [name for name in ("CLICKSEND_USERNAME", "CLICKSEND_API_KEY") if not environ.get(name)]
    if missing:
        raise ConfigurationError(
            f"DELIVERYWATCH_CLICKSEND_URL is set, but {' and '.join(missing)} is not.",
            next_step="Set both credentials to read that account, or unset the address to play the synthetic day.",
        )
    return Source(url, environ["CLICKSEND_USERNAME"], environ["CLICKSEND_API_KEY"])


@contextmanager
def plan(
    environ: Mapping[str, str], now: datetime, *, fast: bool = False
) -> Iterator[tuple[Source, datetime, datetime]]:
    """Yield what to play and from when to when: the account that the environment names, or yesterday, synthetic.

    Fast are four hours instead of 24: those around the incident, or the account's last.

    Raises:
        ConfigurationError: The environment names an account without its credentials.
    """
    account = real_account(environ)
    if account:
        end = now.replace(minute=now.minute // 10 * 10, second=0, microsecond=0)
        yield account, end - (FAST if fast else DAY), end
        return
    midnight = play.yesterday(now)
    start, end = (midnight + FAST_FROM, midnight + FAST_FROM + FAST) if fast else (midnight, midnight + DAY)
    phases = tuple((midnight + phase.since, phase.text) for phase in INCIDENT if midnight + phase.since >= start)
    with ClickSendServer(Messages(day(midnight)), now=start) as server:
        yield synthetic(server, phases), start, end


def perform(out: Path, progress: Progress, environ: Mapping[str, str], now: datetime, *, fast: bool) -> Outcome:
    """Play the day that the environment names."""
    with (
        plan(environ, now, fast=fast) as (source, start, end),
        play.stage(out, progress, ["sms"], start - LEAD) as (cloud, template, folder),
    ):
        deploy(cloud, template, folder, source)
        warm_up(cloud, source, start)
        reader = Reader(cloud)

        def act(minute: datetime) -> None:
            source.follow(minute)
            reader.look(minute)

        play.live(cloud, start, end, progress, act)
        progress.step("Writing the result")
        rates = sms_rates.read(cloud, start, end)
        events, lead = timeline(cloud, source.phases), _lead(source, start, end)
        outcome = write(cloud, rates, events, out, lead, _PAGES if reader.pages else ())
        reader.write(out)
        return outcome


def deploy(cloud: LocalCloud, template: Mapping[str, Any], folder: Path, source: Source) -> dict[str, str]:
    """Deploy the stack with what it needs around it: parameters with the credentials, and with the key of links."""
    for name, value in {"username": source.username, "api_key": source.api_key}.items():
        cloud.client("ssm").put_parameter(Name=f"{CREDENTIALS}/{name}", Value=value, Type="SecureString")
    return play.deploy(cloud, template, folder, {"ClickSendUrl": source.url, **store_key(cloud)})


def warm_up(cloud: LocalCloud, source: Source, start: datetime) -> None:
    """Let the stack run before the day begins.

    Raises:
        ConfigurationError: The very first run fails, so that a whole day would show nothing else.
    """
    for before in (start - LEAD, start - LEAD / 2):
        source.follow(before)
        cloud.run_schedules(before)
    if cloud.failures:
        raise ConfigurationError(f"The first run of {cloud.failures[0].function} failed: {cloud.failures[0].sentence}")


def write(
    cloud: LocalCloud, rates: Rates, events: Timeline, out: Path, lead: str, more_files: Sequence[File] = ()
) -> Outcome:
    """Write mails, counts, a copy of the lake and the page into a folder; `lead` is the sentence under its title."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "metrics.json").write_text(report.as_json(rates.samples), encoding="utf-8")
    sizes = [path.stat().st_size for path in play.copy_objects(cloud, play.lake_bucket(cloud), "sms/", out / "lake")]
    lake = f"{len(sizes)} Parquet objects, {sum(sizes) / 1024:.1f} KB, one per hour of sending"
    count, peak = len(events.mails), f"{rates.peak_percent:.1f} %"
    counts = f"{rates.total:,} messages, {rates.failed:,} failed, worst half hour {peak}"
    result = Result(
        summary=f"{rates.start:%d %B %Y} UTC: {counts}",
        title=f"{count} mail{'' if count == 1 else 's'} from one day of {rates.total:,} messages",
        lead=lead,
        numbers=(
            (f"{rates.total:,}", "messages"),
            (f"{rates.failed:,}", "failed"),
            (peak, "worst half hour"),
            (count, "mails"),
        ),
        timeline=events,
        files=(
            File("lake/", lake, f".venv/bin/deliverywatch lake show {out.name}/lake"),
            File("metrics.json", "the counts of every slot, as CloudWatch has them"),
            *more_files,
        ),
    )
    plots = [sms_rates.plot(rates, events.mails, *size) for size in (("wide", 940, 300), ("narrow", 360, 260))]
    guard = {"total": thresholds.MINIMUM_TOTAL_COUNT, "failed": thresholds.MINIMUM_FAILED_COUNT}
    more = {"plots": plots, "guard": guard, "peak_percent": rates.peak_percent}
    return report.write(result, out, "sms_page.html.j2", more)


def _lead(source: Source, start: datetime, end: datetime) -> str:
    what = "A day of SMS with a carrier incident" if source.phases else f"The SMS of {source.username}"
    when = (
        f"{start:%d %B %Y}" if end - start == DAY and start.hour == 0 else f"{start:%d %B %H:%M} to {end:%d %B %H:%M}"
    )
    return f"{what}, {when} (UTC), played through the deployed stack in simulated time."
