"""Unit tests for alarms: a file of cases -> for each whether the states are as expected.

In: TOML with series in compact notation. Out: case runs and the first difference, explained.
Read `cases` first, then `case_run`.
"""
