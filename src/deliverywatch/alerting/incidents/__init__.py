"""Incidents: the level of a watch, again and again -> one open incident with its changes, and the mails that are due.

In: live alarms and notices. Out: OPENED, ESCALATED, DOWNGRADED, RESOLVED, or nothing; a claimed entry in the outbox.
Read `incident` first, then `observe` (what is so now), `severity` (the level is computed), `finding` and `outbox`.
"""
