"""The SMS lake: records of an hour and the stored object -> the new object, and what changed between them.

In: records. Out: Parquet objects in the store, one row per message, and the differences that are counted.
Read `merge` first, then `day_objects` (which object holds a row) and `columns`.
"""
