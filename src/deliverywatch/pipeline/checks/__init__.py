"""Checks of data: a declared table -> one Athena query, and its row -> checks and scores.

In: declarations of tables and histories. Out: SQL for Athena, and a validation.
Read `validation` first, then `records` and `scd2`.
"""
