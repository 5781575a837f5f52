"""The JSON file of queries: fetched, checked, and turned into queries.

In: bytes of a file in Git, S3 or the package. Out: `Query` values, or every reason why not with its JSON path.
Read `file` first, then `query`.
"""
