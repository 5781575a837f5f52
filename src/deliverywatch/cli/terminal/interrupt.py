"""Ctrl-C -> what was kept, and how to go on."""

# Of groups with verbs that change something beside those that only read.
_GROUP = "What was done until then is kept: run the same command again to go on."
# By verb; the others only read, or have a sentence of their own.
_KEPT = {
    "demo": "Nothing of it is kept; run it again.",
    "ingest": "Hours that were written are kept, and nothing is counted twice: run the same command again to go on.",
    "deploy": "What CloudFormation has begun goes on without you: run the same command again to follow it.",
    "destroy": "CloudFormation goes on with what was begun: run the same command again to see what is left.",
    "ack": "'deliverywatch status' shows whether it was noted.",
    "mute": "'deliverywatch mute' shows what is muted.",
    "unmute": "'deliverywatch mute' shows what is still muted.",
    "route": "CloudFormation goes on with the change: 'deliverywatch route' shows when it is done.",
    "reconcile": "Slots that were begun are left alone for some hours: run it again then.",
    "forget": "Objects that were blanked stay blanked: run the same command again to go on.",
    "email": _GROUP,
    "files": _GROUP,
    "pipeline": _GROUP,
    "queries": _GROUP,
    "smoke": "What it had made is taken away again, unless it is named above as left behind.",
    "test-fire": "The test was published if it said so: 'deliverywatch mails' shows whether its mail is out.",
}
_NOTHING = "Nothing was changed."


def kept_of(verb: str | None) -> str:
    """Return what is kept of a verb that was stopped."""
    return _KEPT.get(verb or "", _NOTHING)
