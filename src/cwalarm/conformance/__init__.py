"""The conformance set: what CloudWatch is known to have decided, as data that any evaluator of alarms can be run over.

In: `cases.json`, and an evaluator. Out: for each case the state that it answered, and whether CloudWatch's is the same.
Read `cases` first, then `run`. The format is described in README.md.
"""
