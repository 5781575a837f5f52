"""Slack: a notification as blocks -> an incoming webhook, or a bot's message with a thread of its own.

In: a notification; the secret, the webhook's address or a bot's token. Out: one message per incident that is updated,
with its changes in its thread (bot), or one message per change (webhook). Read `render` first, then `send`.
"""

from deliverywatch.alerting.channels.slack.render import render
from deliverywatch.alerting.channels.slack.send import send

NAME = "Slack"
IS_IDEMPOTENT = False

__all__ = ["IS_IDEMPOTENT", "NAME", "render", "send"]
