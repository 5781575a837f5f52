"""One run of a query: its answer, its export, its alerts, and what is remembered of it.

In: a query and Athena. Out: files of results, notices, a record of the run.
Read `result` first, then `notices` and `state`.
"""
