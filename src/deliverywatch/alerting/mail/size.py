"""A view that makes too large a mail -> the same view with less in it, until the mail fits.

Gmail shows no more than 102 KB of a mail and hides the rest, the footer with the commands first. What a reader can miss
goes first: the picture (bars take its place), then the ends of long texts and lists.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

from deliverywatch.alerting.mail.formatting import cut

if TYPE_CHECKING:
    from deliverywatch.alerting.mail.view import View

# All of a mail as SES gets it, encoded, with the picture.
MAIL_LIMIT_BYTES = 100_000
# Characters of a text and items of a list, from step to step; the chart has 18 bars.
_STEPS = ((400, 18), (150, 8), (80, 3))
_NOTE = "Some details are left out here: with them the mail would be too large."


def lighter(view: View, png: bytes | None) -> Iterator[tuple[View, bytes | None]]:
    """Yield a view with its picture and what can be sent in their place, each smaller than the one before."""
    yield view, png
    if png is not None:
        yield view, None
    for characters, items in _STEPS:
        yield _shortened(view, characters, items), None


def _shortened(view: View, characters: int, items: int) -> View:
    kept = [(title, url) for title, url in view.links if len(url) <= characters]
    shorter: View = _shorter(replace(view, links=()), characters, items)
    # Half a link leads nowhere, and a chart without its end shows another time.
    chart = view.chart if items >= _STEPS[0][1] else None
    return replace(shorter, links=tuple(kept[:items]), chart=chart, picture=None, notes=(*shorter.notes, _NOTE))


def _shorter(value: Any, characters: int, items: int) -> Any:
    if isinstance(value, str):
        return cut(value, characters)
    if isinstance(value, tuple):
        return tuple(_shorter(item, characters, items) for item in value[:items])
    if is_dataclass(value) and not isinstance(value, type):
        parts = {part.name: _shorter(getattr(value, part.name), characters, items) for part in fields(value)}
        return replace(value, **parts)
    return value
