"""The schedules of EventBridge: the desired ones, the actual ones, and the plan that leads from one to the other.

In: queries and GetSchedule's answers. Out: a list of changes, and their application.
Read `plan` first, then `specification` and `apply`.
"""
