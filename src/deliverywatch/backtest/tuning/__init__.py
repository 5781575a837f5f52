"""What a recommendation rests on: what of a history can be judged, what went wrong in it, and which settings to try.

In: a history and the alarms of a template. Out: coverage, incidents, a grid of settings, and how many mails an alarm
alone would make of each. Read `change_points` first, then `grid`.
"""
