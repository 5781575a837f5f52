"""Microsoft Teams: a notification as an Adaptive Card -> the webhook of a workflow.

In: a notification; the secret, the workflow's address. Out: one card per change. Read `render` first, then `send`.
"""

from deliverywatch.alerting.channels.teams.render import render
from deliverywatch.alerting.channels.teams.send import send

NAME = "Teams"
IS_IDEMPOTENT = False

__all__ = ["IS_IDEMPOTENT", "NAME", "render", "send"]
