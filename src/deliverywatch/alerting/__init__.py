"""Alerting: from a CloudWatch alarm message to one e-mail per change.

Read `notify` first: it is the flow. `notice` parses what arrives, `sight` looks at the live alarms, `ladder` computes
the level, `incident` decides what changed, `deliver` claims, sends and notes one mail, with the `outbox` as its memory.

A mail is made of a `view`: `sentences`, `figures`, `contrast`, `chart` and `closing` say its parts in `words`, `mail`
writes it. The notifier knows no system: what a mail says beyond the alarm comes from `context`. `rehearse` does all of
it without AWS.
"""
