"""Definitions of alarms: a CloudFormation template or DescribeAlarms -> alarms, composites and their rules.

In: JSON or YAML. Out: an `Inventory` of `Alarm` and `Composite` values, and of those that are absent or cannot be read.
Read `alarm` first, then `inventory` and `template`.
"""
