"""Athena and Glue: what they refuse, in their words; the rest runs in DuckDB, with results where Athena puts them.

In: SQL of Athena, tables of Glue. Out: rows, or the reason of Athena.
Read `dialect` first.
"""
