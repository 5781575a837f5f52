"""How a channel does -> the notice of its own watch, which is mailed when it changes: fails, or works again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deliverywatch.alerting.dispatch import WATCHES
from deliverywatch.alerting.incidents import incident_store
from deliverywatch.alerting.inputs.notice import Notice
from deliverywatch.errors import StoreUnavailable
from deliverywatch.messages.level import Level

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from deliverywatch.alerting.dispatch import Health
    from deliverywatch.alerting.inputs.channel_settings import Channel
    from deliverywatch.storage.store import Store


def notice_of(health: Health, store: Store, now: datetime) -> Notice | None:
    """Return what a channel's state is to its watch; None if it does well and nobody waits to hear so."""
    watch = WATCHES[health.channel.kind]
    if not health.problem and not _is_open(store, watch):
        return None
    return Notice(
        time=now,
        watch=watch,
        level=Level.WARNING if health.problem else Level.OK,
        title=f"Messages to {health.name}",
        sentence=_sentence(health),
        facts=_facts(health),
        message_id=f"{watch} {now.isoformat()}",
        received_at=now,
    )


def removed(open_watches: Iterable[str], channels: Iterable[Channel], now: datetime) -> list[Notice]:
    """Return the ends of incidents about channels that the stack has no more: nothing waits for them."""
    present = {WATCHES[channel.kind] for channel in channels}
    gone = [watch for watch in open_watches if watch in WATCHES.values() and watch not in present]
    sentence = "The stack has this channel no more, so nothing is sent to it."
    return [
        Notice(now, watch=watch, level=Level.OK, sentence=sentence, message_id=f"{watch} {now}", received_at=now)
        for watch in gone
    ]


def _sentence(health: Health) -> str:
    if not health.problem:
        return f"{health.name[0].upper()}{health.name[1:]} takes messages again."
    return f"{health.problem} Mails and other channels are not affected."


def _facts(health: Health) -> tuple[tuple[str, str], ...]:
    if not health.problem:
        return ()
    return (
        ("Not delivered", health.incident),
        ("Secret", f"the SSM parameter {health.channel.parameter}"),
        ("To try it", "deliverywatch test-fire --level critical"),
    )


def _is_open(store: Store, watch: str) -> bool:
    try:
        incident = incident_store.read(store, watch)
    except StoreUnavailable:
        return False
    return incident is not None and incident.is_open
