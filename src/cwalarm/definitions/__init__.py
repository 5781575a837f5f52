"""Definitions of alarms: a CloudFormation template or DescribeAlarms -> alarms, composites and their rules.

In: JSON or YAML. Out: `Alarm` and `Composite` values, with parameters and conditions resolved.
Read `alarm` first, then `template`.
"""
