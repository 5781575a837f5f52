"""Batches -> `state/email-<stream>.json` in the lake: what a mail about a stream can say beyond the alarm.

The shape is shared with the notifier, which knows no system: tests/events/sms_context.json has every field.
"""

from __future__ import annotations


def key_of(stream: str) -> str:
    """Return where a stream's context lies in the lake's bucket."""
    return f"state/email-{stream}.json"
