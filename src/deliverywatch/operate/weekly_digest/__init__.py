"""The week of a stack, collected for the weekly mail.

In: alarms, metrics, records and rules of a week. Out: facts and one sentence about the failure budget.
Read `week` first.
"""
