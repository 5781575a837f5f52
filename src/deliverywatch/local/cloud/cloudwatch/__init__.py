"""CloudWatch: metrics, alarms by our engine, mute rules, and pictures of metrics.

In: what functions print and do. Out: datapoints, alarm states, PNG.
Read `metrics` first, then `alarms`.
"""
