"""Diagnosis: the end of a run -> where it went wrong, why, and what to do.

In: what Step Functions, Glue and dbt say of a run. Out: a diagnosis with its causes and advice.
Read `diagnose` first, then `collect` and `history` (what a run did), `judge` (what that proves), `unwrap` (what an
error holds), `words` (what rules may look at) and `faults` (the catalogue of causes).
"""
