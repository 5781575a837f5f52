"""The account and the stack that a verb works on.

In: a profile, a region and a stack's name. Out: clients of AWS and the deployment as it is.
Read `deployment` first.
"""
