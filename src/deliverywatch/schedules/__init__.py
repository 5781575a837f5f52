"""Schedule expressions of EventBridge Scheduler: parsed, refused with a reason, and their next occurrences.

In: `cron(...)`, `rate(...)` or `at(...)` with a time zone. Out: the moments at which it starts.
Read `expressions` first, then `occurrences`.
"""
