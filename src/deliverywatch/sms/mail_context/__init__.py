"""What a mail about SMS can say beyond its alarm.

In: rows of the last hours. Out: the document `state/sms.json`.
Read `context` first, then `recent_statistics` (the numbers) and `runbook` (what to do).
"""
