"""Replays: alarms over months of minutes -> every change of state, all minutes at once.

In: alarms and their datapoints. Out: changes, and the actions that would have run.
Read `backtest` first, then `replay` (arrays) and `actions`.
"""
