"""The signed webhook: a notification as documented JSON -> any receiver of Standard Webhooks (standardwebhooks.com).

In: a notification; the secret `ADDRESS whsec_KEY`. Out: a POST with `webhook-id`, `webhook-timestamp` and
`webhook-signature`. Read `render` first (its schema is `schema.json`), then `send`.
"""

from deliverywatch.alerting.channels.webhook.render import render
from deliverywatch.alerting.channels.webhook.send import send

NAME = "the webhook"
IS_IDEMPOTENT = True

__all__ = ["IS_IDEMPOTENT", "NAME", "render", "send"]
