"""A signed link of a mail or chat -> the incident on a page, and what somebody does to it there under their name.

Mail scanners follow every link, and some send every form that they find: opening changes nothing, and a form is taken
only with a name, from the page itself, without what only programs fill in. A link is for one incident and one action,
and using it twice comes to the same: a name is noted once, and a link mutes once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from deliverywatch.alerting.incidents import incident_store
from deliverywatch.alerting.incidents.ack import acknowledge
from deliverywatch.alerting.incidents.incident import Ack
from deliverywatch.alerting.incidents.signed_link import Action, LinkExpired, LinkRefused
from deliverywatch.errors import DeliveryWatchError, InputError
from deliverywatch.messages.untrusted import iso, name, text
from deliverywatch.operate.incident_page import contents
from deliverywatch.operate.incident_page.page import answer, redirect, with_problem
from deliverywatch.operate.incidents import mutes
from deliverywatch.thresholds import MUTE_LINK_MINUTES

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.incident import Incident
    from deliverywatch.alerting.incidents.severity import Watch
    from deliverywatch.alerting.incidents.signed_link import Link, Signer
    from deliverywatch.alerting.mail.formatting import Clock
    from deliverywatch.operate.incident_page.budget import Budget
    from deliverywatch.operate.incident_page.page import Page
    from deliverywatch.operate.incident_page.request import Request
    from deliverywatch.storage.store import Store

_NAME_LIMIT, _NOTE_LIMIT = 60, 200
_MUTE = timedelta(minutes=MUTE_LINK_MINUTES)
# The field that the page hides: who fills it in does not look at the page.
_TRAP = "leave_empty"


class Rules(Protocol):
    """CloudWatch's mute rules."""

    def put(self, request: Mapping[str, Any]) -> None:
        """Make a rule, or raise MetricsUnavailable."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, and what is logged of it: neither the link, which is a secret, nor a name."""

    answer: Mapping[str, Any]
    outcome: str
    incident: str = ""
    action: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Responder:
    """The flow with what it needs.

    Attributes:
        signer: Returns who verifies links, at a time; it raises ConfigurationError if the key cannot be read.
        watches: Those that the stack declares; only their alarms are muted.
        prefix: Of the stack, with which the names of its mute rules begin.
    """

    store: Store
    signer: Callable[[datetime], Signer]
    rules: Rules
    watches: tuple[Watch, ...]
    prefix: str
    clock: Clock
    budget: Budget

    def respond(self, request: Request, now: datetime) -> Response:
        """Return the answer to a request, whatever it is; `now` is the real time."""
        if request.method not in ("GET", "HEAD", "POST"):
            return _shown(request, contents.not_allowed(), "refused")
        try:
            link = self.signer(now).verified(request.path, now)
        except LinkRefused:
            return _shown(request, contents.refused(), "refused")
        except LinkExpired:
            return _shown(request, contents.expired(), "expired")
        except DeliveryWatchError as error:
            # Whoever asks may have no link at all: what is wrong here is for the log.
            return _unavailable(request, error, "The key of links cannot be read.")
        response = self._of_link(request, link, now)
        return replace(response, incident=link.incident, action=link.action.value)

    def _of_link(self, request: Request, link: Link, now: datetime) -> Response:
        try:
            return self._answered(request, link, now)
        except DeliveryWatchError as error:
            return _unavailable(request, error)

    def _answered(self, request: Request, link: Link, now: datetime) -> Response:
        if not self.budget.take(link.incident, now):
            return _shown(request, contents.too_many(), "throttled")
        incident = incident_store.read(self.store, link.watch)
        if incident is None or incident.id != link.incident or not incident.is_open:
            return _shown(request, contents.over(link, incident, self.clock), "over")
        can_mute = bool(self._alarms(link))
        page = contents.opened(link, incident, self.clock, self._rule(link), can_mute=can_mute)
        if request.method != "POST" or page.form is None:
            return _shown(request, page, "shown")
        return self._sent(request, link, incident, page, now)

    def _sent(self, request: Request, link: Link, incident: Incident, page: Page, now: datetime) -> Response:
        by, note = name(request.form.get("by"), _NAME_LIMIT), text(request.form.get("note"), _NOTE_LIMIT)
        if problem := _problem(request, by):
            return _shown(request, with_problem(page, problem, by, note), "incomplete")
        ack = Ack(by, now.replace(microsecond=0), note)
        try:
            if link.action is Action.MUTE:
                ack = self._muted(link, incident, ack, now)
            acknowledge(self.store, link.watch, link.incident, ack)
        except InputError:
            pass  # it ended meanwhile, or somebody was faster: the page shows how it is
        return Response(redirect(request.path), "done")

    def _muted(self, link: Link, incident: Incident, ack: Ack, now: datetime) -> Ack:
        """Mute the alarms of a watch, and return the acknowledgement that says so."""
        reason = f"{incident.id}, by {ack.by} from a mail" + (f": {ack.note}" if ack.note else "")
        for rule in mutes.plan(self.prefix, self._alarms(link), _MUTE, reason, now, stem=self._rule(link)):
            self.rules.put(rule)
        until = now.replace(second=0, microsecond=0) + timedelta(minutes=1) + _MUTE
        note = f"muted until {self.clock.full(until)}" + (f": {ack.note}" if ack.note else "")
        return replace(ack, note=note, others={"mute_rule": self._rule(link), "muted_until": iso(until)})

    def _alarms(self, link: Link) -> tuple[str, ...]:
        """Return the declared alarms of a watch; a link mutes no others."""
        return next((watch.alarms for watch in self.watches if watch.name == link.watch), ())

    def _rule(self, link: Link) -> str:
        """Return the name of the mute rule of a link: its second use would only make the same rule again."""
        return f"{self.prefix}-mute-{link.incident}-{link.watch}-{int(link.expires_at.timestamp())}"


def _problem(request: Request, by: str) -> str:
    if request.is_cross_site or request.form.get(_TRAP):
        return "That was not sent from this page, or by a program. Nothing was changed; please send it from here."
    return "" if by else "Please type your name: later mails say who has taken it on. Nothing was changed."


def _unavailable(request: Request, error: DeliveryWatchError, shown: str = "") -> Response:
    return replace(_shown(request, contents.unavailable(shown or str(error)), error.kind), problem=str(error))


def _shown(request: Request, page: Page, outcome: str) -> Response:
    return Response(answer(page, has_body=request.method != "HEAD"), outcome)
