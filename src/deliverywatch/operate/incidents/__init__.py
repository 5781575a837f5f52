"""Open incidents and their mails: what is going on, who has it, who is affected, who is notified.

In: incident records, outbox, alarms, mute rules. Out: what `status`, `explain`, `mails`, `mute` and `route` show.
Read `status` first, then `records`.
"""
