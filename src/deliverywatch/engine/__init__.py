"""The engine: evaluates CloudWatch alarms from their definition, as CloudWatch would.

Read `evaluate` first. `alarm` loads definitions (a template, DescribeAlarms), `series` holds datapoints,
`expression` is metric math. It knows no system and works on any alarm.
"""
