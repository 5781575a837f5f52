"""The schedules of EventBridge: what there should be, what there is, and the plan that leads from one to the other.

In: queries and GetSchedule's answers. Out: a list of changes, and their application.
Read `plan` first, then `specification` and `apply`.
"""
