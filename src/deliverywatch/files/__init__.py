"""Files: from a notification of S3 to one correct item in DynamoDB, whatever is repeated, reordered or lost on the way.

Read `process` first: it is the flow of `handle_process`; `by_key` is what differs in a table with one item per key.
`push` is the flow of the optional pusher before the queue (`handle_push`), `admission` the filters of both. For
operators: `verify` compares the bucket with the table, `find` says which version of a key is current, `dry_run` shows
what a batch would do. `records` holds what they work with; `aws`, `aws_objects` and `aws_push` are the functions'
ports, `aws_tools` those of the command line.
"""
