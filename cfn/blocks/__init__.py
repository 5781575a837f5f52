"""What stacks are built of: functions with their roles, alarms, tables, dashboards, parameters.

In: values of this project. Out: troposphere resources.
Read `parts` first.
"""
