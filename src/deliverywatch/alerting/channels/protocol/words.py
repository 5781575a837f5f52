"""A notification -> the few words of it that fit into a chat; the mail about the same change says the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from deliverywatch.alerting.channels.protocol.plain import links, plain
from deliverywatch.messages.palette import TONES

if TYPE_CHECKING:
    from deliverywatch.alerting.channels.protocol.notification import Notification
    from deliverywatch.messages.palette import Tone

_LINE, _SHORT = 500, 120
_NUMBERS, _NOTES, _REASONS, _FACTS, _STEPS, _LINKS = 4, 3, 3, 5, 3, 6
# What whoever reads a chat needs of the mail's footer.
_FOOTER = ("Stack", "Incident", "To take it on", "To read more", "Time")


@dataclass(frozen=True, slots=True)
class Words:
    """What a chat shows, most important first; nothing in it is active, and everything is short.

    Attributes:
        headline: The subject of the mail, after the icon of its level.
        numbers: Labels and values.
        paragraphs: Headings, which may be empty, and their lines.
    """

    headline: str
    sentence: str
    numbers: tuple[tuple[str, str], ...]
    paragraphs: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, str], ...]
    footer: str
    tone: Tone


def words_of(notification: Notification) -> Words:
    """Return the words of a notification."""
    view = notification.view
    tone = TONES.get(view.tone, TONES["notice"])
    numbers = [(number.label, number.value, number.note) for number in view.headline_numbers[:_NUMBERS]]
    footer = [plain(f"{name}: {value}", _SHORT) for name, value in view.footer if name in _FOOTER]
    return Words(
        headline=f"{tone.icon} {plain(view.subject, _SHORT)}",
        sentence=plain(view.sentence, _LINE),
        numbers=tuple(
            (plain(label, 60), plain(f"{value} ({note})" if note else value, _SHORT)) for label, value, note in numbers
        ),
        paragraphs=tuple(_paragraphs(notification)),
        links=tuple(links([*view.actions, *view.links], _LINKS)),
        footer=" · ".join(footer),
        tone=tone,
    )


def _paragraphs(notification: Notification) -> list[tuple[str, str]]:
    view = notification.view
    reasons = [f"{reason.text} (code {reason.code}): {reason.count}" for reason in view.reasons[:_REASONS]]
    facts = [f"{name}: {value}" for name, value in view.facts[:_FACTS]]
    steps = [f"{number}. {step}" for number, step in enumerate(view.steps[:_STEPS], 1)]
    paragraphs = [
        *(("", [note]) for note in view.notes[:_NOTES]),
        ("", [view.verdict]),
        (f"Top reasons{view.window}", reasons),
        (view.facts_title, facts),
        ("What to do", steps),
    ]
    shown = [(plain(heading, _SHORT), [plain(line, _LINE) for line in lines]) for heading, lines in paragraphs]
    return [(heading, "\n".join(filter(None, lines))) for heading, lines in shown if any(lines)]
