"""Schedule expressions of AWS, a module per dialect: parsed, refused with a reason, and the times at which they start.

In: `cron(...)`, `rate(...)` or `at(...)` and a time zone. Out: the times at which it starts, in order.
Read `eventbridge` first, then `mute_rules` (CloudWatch); `fields` holds what the two dialects share.
"""
