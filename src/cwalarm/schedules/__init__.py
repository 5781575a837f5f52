"""Schedule expressions of AWS, a module per dialect: parsed or refused with a reason, and their start times.

In: `cron(...)`, `rate(...)` or `at(...)` and a time zone. Out: the start times, in order.
Read `eventbridge` first, then `mute_rules` (CloudWatch); `cron` is the grammar of both, `zones` knows time zones.
"""
