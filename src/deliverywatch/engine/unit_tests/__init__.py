"""Unit tests for alarms: a file of cases -> for each whether the states are as expected.

In: TOML or YAML with series in compact notation. Out: trials and the first difference, explained.
Read `cases` first, then `run`.
"""
