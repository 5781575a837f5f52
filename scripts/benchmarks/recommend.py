"""A year of one account: the recommendation of a setting, against replaying all settings; and what it recommends.

The account sends 350 SMS per slot at noon and two at night, fails at 0.8 %, and has thirty incidents. The reference is
a plain replay of each setting of the grid through the notifier; ten of them are timed, spread over the grid, and taken
for all. Both are one process on one core, in processor time.
"""

import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from evidence import DAY_SLOTS, MIDDAY, NIGHT, Traffic, built
from measure import Figure

from cwalarm.evaluation.series import Series
from cwalarm.replay.minutes import Minutes
from deliverywatch.backtest import simulate
from deliverywatch.backtest.compare import Request
from deliverywatch.backtest.inputs.definitions import TemplateFile
from deliverywatch.backtest.inputs.history import History
from deliverywatch.backtest.recommend import Wish, recommend
from deliverywatch.backtest.tuning.grid import SettingGrid, grid_of

DAYS, INCIDENTS = 365, 30
TIMED = 10
LIMIT_SECONDS = 60
# What the counts of a history do not show.
WITHOUT = ("*-blind", "*-silence", "*-overdue", "*-ingest-errors", "*-mail-failed")


def year() -> Traffic:
    """Return the year."""
    dice = np.random.default_rng(1)
    slots = np.arange(DAYS * DAY_SLOTS)
    hour = slots % DAY_SLOTS / 6
    total = dice.poisson(NIGHT + (MIDDAY - NIGHT) * np.clip(np.sin(np.pi * (hour - 5) / 16), 0, None) ** 2)
    share = np.full(len(slots), 0.008)
    for begin in dice.choice(len(slots) - 200, INCIDENTS, replace=False):
        share[begin : begin + dice.integers(3, 24)] = dice.uniform(0.05, 0.9)
    return Traffic(total, dice.binomial(total, share))


def figures() -> Iterator[Figure]:
    """All figures of this module."""
    traffic = year()
    series = traffic.series()
    with tempfile.TemporaryDirectory() as folder:
        built(Path(folder))
        source = TemplateFile(Path(folder) / "template.json", WITHOUT)
        began = time.process_time()
        result = recommend(Wish(Request(source, lambda _: History(series))))
        seconds = time.process_time() - began
        yield from _figures(source, series, traffic, seconds)
    chosen, incidents = result.recommended, len(result.incidents)
    if chosen is None:
        raise SystemExit("Nothing is recommended for a year without gaps.")
    kept = not chosen.violations(result.budget)
    text = f"2, the limit; {len(chosen.missed)} of {incidents} incidents missed"
    yield Figure(
        f"... {chosen.setting.label}"[:50], f"{chosen.mails_a_week:.2f} a week", text, chosen.mails_a_week / 2, kept
    )


def _figures(source: TemplateFile, series: Series, traffic: Traffic, seconds: float) -> Iterator[Figure]:
    today = source.load({})
    ratio = today.ratio
    if ratio is None:
        raise SystemExit("The template has no alarm on a share.")
    grid = grid_of(ratio, today, source.load, {})
    took, count = _replay_seconds(source, grid, series, traffic)
    text = f"{took * count:,.0f} s, a replay of all {count} settings ({TIMED} timed); {LIMIT_SECONDS} s, the limit"
    is_met = seconds <= LIMIT_SECONDS
    yield Figure("a recommendation from one year of slots", f"{seconds:.1f} s", text, seconds / (took * count), is_met)


def _replay_seconds(source: TemplateFile, grid: SettingGrid, series: Series, traffic: Traffic) -> tuple[float, int]:
    """Return the seconds that one replay takes on average, and how many settings there are."""
    every = grid.all()
    # From the middle of the grid on: the most sensitive settings have incidents open all year, for minutes each.
    quiet = every[len(every) // 4 :]
    timed = quiet[:: max(1, len(quiet) // TIMED)][:TIMED]
    minutes, span = Minutes(series), traffic.span
    began = time.process_time()
    for setting in timed:
        definitions = source.load(dict(setting.values))
        watches = tuple(watch for watch in definitions.watches if watch.name == "sms-failures")
        own = replace(definitions, watches=watches)
        simulate.count(own, minutes, simulate.replay(own, minutes, span), span, span.start)
    return (time.process_time() - began) / len(timed), len(every)
