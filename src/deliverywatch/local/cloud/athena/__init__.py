"""Athena: its SQL translated for DuckDB, and the answers it lacks.

In: SQL of Athena. Out: rows, and results where Athena puts them.
Read `dialect` first.
"""
