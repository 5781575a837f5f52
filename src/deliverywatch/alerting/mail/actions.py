"""An open incident -> the signed links that its readers can do something with, from where they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from deliverywatch.alerting.incidents.signed_link import Action
from deliverywatch.errors import DeliveryWatchError

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.incident import Incident
    from deliverywatch.alerting.incidents.signed_link import Signer
    from deliverywatch.alerting.mail.view import View

_TITLES = {Action.ACKNOWLEDGE: "Acknowledge", Action.MUTE: "Mute for an hour"}


@dataclass(frozen=True, slots=True)
class Actions:
    """Titles and URLs of links, and why there are none although there should be some."""

    links: tuple[tuple[str, str], ...] = ()
    problem: str = ""

    def added(self, view: View) -> View:
        """Return a view with these links."""
        notes = (*view.notes, self.problem) if self.problem else view.notes
        return replace(view, actions=self.links, notes=notes)


def actions_of(
    incident: Incident, signer: Callable[[datetime], Signer], url: str, now: datetime, *, has_alarms: bool
) -> Actions:
    """Return the links of an open incident, valid from now on: one for each thing that can be done.

    `url` is that of the page, with a slash at its end; `has_alarms` is whether its watch has any that can be muted.
    """
    try:
        signs = signer(now)
    except DeliveryWatchError as error:  # the news goes out without them
        return Actions(problem=f"This mail has no links to acknowledge or mute: {error}")
    offered = (Action.ACKNOWLEDGE, Action.MUTE) if has_alarms else (Action.ACKNOWLEDGE,)
    paths = {action: signs.path(action, incident.watch, incident.id, now) for action in offered}
    return Actions(tuple((_TITLES[action], url + path) for action, path in paths.items()))
