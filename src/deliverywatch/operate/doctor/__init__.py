"""`doctor`: a deployed stack -> one line per check, and the command that fixes what is wrong.

In: what AWS says of the stack. Out: checks.
Read `diagnose` first, then `check`.
"""
