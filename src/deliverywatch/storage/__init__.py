"""Objects under keys: what the systems keep in S3, in a directory or in memory, with one meaning of every answer.

In: a key and a change. Out: the present object, or one of two errors: `StoreConflict`, `StoreUnavailable`.
Read `store` first: the port and `update`; its adapters are `s3`, `folder` and `memory`. `records` is what lets a format
outlive a release.
"""
