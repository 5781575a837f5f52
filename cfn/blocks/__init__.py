"""What stacks are built of: functions with their roles, alarms in watches, tables, dashboards, parameters.

In: values of this project. Out: troposphere resources, and the `Stack` that holds those of one system.
Read `stack` first, then `parts` and `alarms`.
"""
