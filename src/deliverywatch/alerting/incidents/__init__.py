"""Incidents: the level of a watch over time -> one open incident with its changes, and the mails that are due.

In: live alarms and notices. Out: an event (OPENED, RESOLVED, QUIET ...) or nothing; a claimed entry in the outbox.
Read `incident` first, then `observe` (the state now), `severity` (computes the level), `finding`, `advance` (what is to
be mailed) and `outbox`.
"""
