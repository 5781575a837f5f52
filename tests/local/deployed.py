"""The built template, deployed into a local cloud that reads a synthetic day: what the demo's tests share."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from deliverywatch.local.clicksend.history import Messages
from deliverywatch.local.clicksend.server import ClickSendServer
from deliverywatch.local.clicksend.traffic import HEALTHY, INCIDENT, Phase, day
from deliverywatch.local.cloud.cloud import LocalCloud
from deliverywatch.local.demo import chats, play, sms_day, timeline

NOTIFY = "deliverywatch-prod-alerting-notify"
ALERTS = "arn:aws:sns:us-east-1:111122223333:deliverywatch-prod-alerts"
MIDNIGHT = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)


class Silent:
    """A progress that nobody looks at."""

    def step(self, text: str) -> None: ...

    def day(self, minutes: int) -> None: ...

    def minute(self, text: str) -> None: ...


class Deployed:
    """A running stack and its ClickSend, which live on from where they are."""

    def __init__(self, cloud: LocalCloud, source: sms_day.Source, start: datetime) -> None:
        self.cloud, self.source, self.now = cloud, source, start

    @property
    def clicksend(self) -> ClickSendServer:
        assert self.source.server
        return self.source.server

    def live(self, minutes: int) -> None:
        """Live through so many minutes."""
        end = self.now + timedelta(minutes=minutes)
        play.live(self.cloud, self.now, end, Silent(), self.source.follow)
        self.now = end

    def subjects(self) -> list[str]:
        return [mail.subject for mail in self.cloud.outbox()]

    def records(self) -> list[dict[str, Any]]:
        """The notifier's own record of each mail, in order."""
        return sorted(timeline.audit_trail(self.cloud), key=lambda each: str(each["time"]))


@contextmanager
def deployed(
    folder: Path, hour: int, phases: Sequence[Phase] = HEALTHY, *, has_chats: bool = False
) -> Iterator[Deployed]:
    """Build, deploy and start reading at an hour of yesterday."""
    start = MIDNIGHT + timedelta(hours=hour)
    template = play.build(folder)
    changes = tuple((MIDNIGHT + phase.since, phase.text) for phase in phases if phases is INCIDENT)
    with (
        ClickSendServer(Messages(day(MIDNIGHT, phases=phases)), now=start) as clicksend,
        LocalCloud(start - sms_day.LEAD) as cloud,
        chats.opened(cloud) if has_chats else nullcontext(),
    ):
        source = sms_day.synthetic(clicksend, changes)
        sms_day.deploy(cloud, template, folder, source)
        sms_day.warm_up(cloud, source, start)
        yield Deployed(cloud, source, start)
