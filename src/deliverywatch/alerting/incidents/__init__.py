"""Incidents: the level of a watch over time -> one open incident with its changes, and the mails that are due.

In: live alarms and notices. Out: OPENED, ESCALATED, DOWNGRADED, RESOLVED, or nothing; a claimed entry in the outbox.
Read `incident` first, then `observe` (the state now), `severity` (computes the level), `finding` and `outbox`.
"""
