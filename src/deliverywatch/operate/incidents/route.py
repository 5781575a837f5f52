"""The parameters of a stack -> who gets the mails of each level; and the change of one of them.

Decision: recipients are parameters of the stack, and nothing else is. They are seen where everything else of the stack
is seen, CloudFormation checks and logs every change, a deploy keeps them because it keeps what is not set anew, and the
notifier needs no further read. The price is that a change is an update of the stack, which takes half a minute.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from deliverywatch.alerting.inputs.settings import RECIPIENT_LIMIT, Settings, addresses
from deliverywatch.alerting.mail.recipients import of_level
from deliverywatch.errors import InputError
from deliverywatch.messages.level import Level

if TYPE_CHECKING:
    from deliverywatch.operate.account.deployment import Deployment

LEVELS = (Level.CRITICAL, Level.WARNING, Level.BLIND, Level.ALARM)
# As many as the parameter takes.
_FURTHER_LIMIT = 10
_ADDRESS = re.compile(r"[^@\s,]+@(?=[^@\s,]+\.[^@\s,])[^@\s,]+")


def routes(stack: Deployment) -> dict[Level, tuple[str, ...]]:
    """Return the addresses of each level; RESOLVED and every other change go where the incident's worst level went."""
    parameters = stack.parameters
    settings = Settings(
        environment=stack.environment,
        prefix=stack.prefix,
        sender=parameters.get("SenderAddress", ""),
        recipients=addresses(parameters.get("AlertRecipients", "")),
        critical_recipients=addresses(parameters.get("CriticalRecipients", "")),
    )
    return {level: of_level(settings, level) for level in LEVELS}


def change(level: Level, wanted: Sequence[str]) -> tuple[str, str]:
    """Return the parameter that holds a level's addresses, and its new value; InputError if some cannot be taken.

    Those of `critical` get critical mails besides; those of any other level get every mail.
    """
    wrong = [address for address in wanted if not _ADDRESS.fullmatch(address)]
    if wrong:
        raise InputError(f"'{wrong[0]}' is not an e-mail address.", next_step="Write it like duty@example.com.")
    unique = list(dict.fromkeys(wanted))
    lowest, highest = (0, _FURTHER_LIMIT) if level is Level.CRITICAL else (1, RECIPIENT_LIMIT)
    if not lowest <= len(unique) <= highest:
        raise InputError(
            f"{len(unique)} addresses are given; there may be {lowest} to {highest} of them for level {level.value}.",
            next_step="Use a distribution list for more people.",
        )
    return ("CriticalRecipients" if level is Level.CRITICAL else "AlertRecipients"), ",".join(unique)
