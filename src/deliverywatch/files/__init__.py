"""Files: from a notification of S3 to one right item in DynamoDB, whatever is repeated, reordered or lost on the way.

Read `process` first: it is the flow of `handle_process`. `push` is the flow of the pusher (`handle_push`), which may
stand before the queue. For operators: `verify` compares the bucket with the table, `dry_run` says what would be done
with a batch. `records` holds what they work with; `aws` and `aws_push` are the functions' ports, `aws_tools` those of
the command line.
"""
