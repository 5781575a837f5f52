"""`deliverywatch demo --system sms`: the built template, deployed on this machine, lives through a day of SMS.

Read from `perform` on. Every part is the product's own: the template of cfn/build.py, the functions' code, real boto3;
the cloud (`cloud`) and ClickSend (`carrier`, with a day of `traffic`) are stand-ins on loopback. Time is simulated.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from deliverywatch.errors import ConfigurationError
from deliverywatch.local.clicksend.history import Messages
from deliverywatch.local.clicksend.server import ClickSendServer
from deliverywatch.local.clicksend.traffic import INCIDENT, day
from deliverywatch.local.cloud.cloud import LocalCloud
from deliverywatch.local.demo import play, sms_report
from deliverywatch.local.demo.play import STACK, Outcome
from deliverywatch.local.demo.sms_story import Story, tell

if TYPE_CHECKING:
    from deliverywatch.local.demo.play import Progress

CREDENTIALS = "/deliverywatch/prod/clicksend"
DAY = timedelta(days=1)
FAST = timedelta(hours=4)
FAST_FROM = timedelta(hours=10)

# The stack stands this long before the day begins: until its first run it is blind, and says so.
LEAD = timedelta(minutes=20)


class Source(Protocol):
    """A ClickSend account to read: a stand-in that follows the simulated time, or the real one."""

    @property
    def url(self) -> str:
        """Its address, without a path."""

    @property
    def username(self) -> str:
        """Of its API."""

    @property
    def api_key(self) -> str:
        """Of its API."""

    @property
    def phases(self) -> tuple[tuple[datetime, str], ...]:
        """What is done to the messages, and since when; empty for a real account."""

    def follow(self, moment: datetime) -> None:
        """Be in the state of this moment."""


@dataclass(frozen=True, slots=True)
class RealAccount:
    """A ClickSend account in the world; it is only read."""

    url: str
    username: str
    api_key: str
    phases: tuple[tuple[datetime, str], ...] = ()

    def follow(self, moment: datetime) -> None:
        """Do nothing: an account's history is what it is."""


def real_account(environ: Mapping[str, str]) -> RealAccount | None:
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
    return RealAccount(url, environ["CLICKSEND_USERNAME"], environ["CLICKSEND_API_KEY"])


@dataclass(frozen=True, slots=True)
class SyntheticDay:
    """The stand-in for ClickSend with one day of `traffic`."""

    clicksend: ClickSendServer
    phases: tuple[tuple[datetime, str], ...]

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.clicksend.url

    @property
    def username(self) -> str:
        """The user it lets in."""
        return self.clicksend.username

    @property
    def api_key(self) -> str:
        """That user's key."""
        return self.clicksend.api_key

    def follow(self, moment: datetime) -> None:
        """Show what had happened by this moment."""
        self.clicksend.now = moment


@contextmanager
def plan(
    environ: Mapping[str, str], now: datetime, *, fast: bool = False
) -> Iterator[tuple[Source, datetime, datetime]]:
    """Yield what to play and from when to when: the account that the environment names, or yesterday, synthetic.

    Args:
        environ: May name a ClickSend account.
        now: Aware, UTC.
        fast: Play four hours instead of 24: those around the incident, or the account's last.

    Raises:
        ConfigurationError: The environment names an account without its credentials.
    """
    account = real_account(environ)
    if account:
        end = now.replace(minute=now.minute // 10 * 10, second=0, microsecond=0)
        yield account, end - (FAST if fast else DAY), end
        return
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) - DAY
    start, end = (midnight + FAST_FROM, midnight + FAST_FROM + FAST) if fast else (midnight, midnight + DAY)
    phases = tuple((midnight + phase.since, phase.text) for phase in INCIDENT if midnight + phase.since >= start)
    with ClickSendServer(Messages(day(midnight)), now=start) as clicksend:
        yield SyntheticDay(clicksend, phases), start, end


def perform(out: Path, progress: Progress, environ: Mapping[str, str], now: datetime, *, fast: bool) -> Outcome:
    """Play the day that the environment names; `local.play` says what a play is."""
    with plan(environ, now, fast=fast) as (source, start, end):
        return play_day(source, start, end, out, progress)


def play_day(source: Source, start: datetime, end: datetime, out: Path, progress: Progress) -> Outcome:
    """Deploy the stack, let it live from start to end, and write what came of it.

    Args:
        source: The ClickSend account to read.
        start: A full hour, aware, UTC, within the last two weeks: CloudWatch takes no older stamp.
        end: Not included.
        out: The folder of the result; it must be new, empty or of an earlier demo.
        progress: Is told how far it is.

    Raises:
        ConfigurationError: A part is missing or refuses to work together; the sentence says which.
        InputError: The folder holds something else.
    """
    play.prepare(out)
    with tempfile.TemporaryDirectory(prefix="deliverywatch-build-") as folder:
        progress.step("Building the template and the functions")
        template = play.build(Path(folder))
        progress.step("Starting the local cloud")
        with LocalCloud(start - LEAD) as cloud:
            progress.step("Deploying the stack")
            deploy(cloud, template, Path(folder), source)
            warm_up(cloud, source, start)
            play.live(cloud, start, end, progress, source.follow)
            progress.step("Writing the result")
            story = tell(cloud, start, end, STACK, source.phases)
            page = sms_report.write(story, cloud, STACK, out, _lead(source, start, end))
    return Outcome(page, _summary(story), story.happenings)


def deploy(cloud: LocalCloud, template: Mapping[str, Any], folder: Path, source: Source) -> dict[str, str]:
    """Deploy the stack with what it needs around it: the two parameters with the credentials."""
    for name, value in {"username": source.username, "api_key": source.api_key}.items():
        cloud.client("ssm").put_parameter(Name=f"{CREDENTIALS}/{name}", Value=value, Type="SecureString")
    return play.deploy(cloud, template, folder, {"ClickSendUrl": source.url})


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


def _summary(story: Story) -> str:
    return (
        f"{story.start:%d %B %Y} UTC: {story.total:,} messages, {story.failed:,} failed, "
        f"worst half hour {story.peak_percent:.1f} %"
    )


def _lead(source: Source, start: datetime, end: datetime) -> str:
    what = "A day of SMS with a carrier incident" if source.phases else f"The SMS of {source.username}"
    when = (
        f"{start:%d %B %Y}" if end - start == DAY and start.hour == 0 else f"{start:%d %B %H:%M} to {end:%d %B %H:%M}"
    )
    return f"{what}, {when} (UTC), played through the deployed stack in simulated time."
