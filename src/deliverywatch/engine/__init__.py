"""The engine: evaluates CloudWatch alarms from their definition, as CloudWatch would.

Read `evaluate` first. `alarm` loads definitions (a template, DescribeAlarms), `series` holds datapoints, `windows` says
which slots an evaluation looks at, `expression` is metric math, `verdict` is the rule for missing data and M of N,
`reason` and `message` are CloudWatch's words. It knows no system and works on any alarm.
"""
