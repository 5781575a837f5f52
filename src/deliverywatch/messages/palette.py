"""How each level looks in mails, charts, pages, dashboards and the terminal."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tone:
    """The look of one level.

    Attributes:
        ground: The mail's bar, and words on white; `ink` is the text on the bar. Both have a contrast of 4.5:1.
        line: Thresholds and marks in charts.
        fill: Bars of a chart, with a contrast of 3:1 to a light and to a dark mail.
        on_dark: Words on a dark page.
        dashboard: Thresholds and series on CloudWatch's dashboards.
        terminal: A colour of ANSI terminals.
    """

    icon: str
    ground: str
    ink: str
    line: str
    fill: str
    on_dark: str
    dashboard: str
    terminal: str


_FINE = Tone("✓", "#1c6b3c", "#eaf7ee", "#2f7d4f", "#8195a8", "#5fc98c", "#1d8102", "green")
# By the name of a level, and of what a mail is about that has none: the end of an incident, a single notice.
TONES = {
    "critical": Tone("▲", "#a61b1b", "#fdeeee", "#b3261e", "#c93434", "#ff7d72", "#d13212", "red"),
    "alarm": Tone("▲", "#9a3412", "#fff1ea", "#b3261e", "#c93434", "#ff7d72", "#d13212", "red"),
    "warning": Tone("▲", "#8a5200", "#fff4e0", "#b26a00", "#c87f12", "#e39a4b", "#ff9900", "yellow"),
    "blind": Tone("○", "#544f70", "#f1effa", "#5b5675", "#8a84a8", "#b794e8", "#879596", "magenta"),
    "notice": Tone("●", "#2f5573", "#eaf2f8", "#3b6a8f", "#6f97b5", "#8db8d8", "#1f77b4", "cyan"),
    "ok": _FINE,
    "resolved": _FINE,
}
