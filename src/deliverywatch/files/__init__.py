"""Files: from a notification of S3 to one correct item in DynamoDB, whatever is repeated, reordered or lost on the way.

Read `process` first: it is the flow of `handle_process`. `push` is the flow of the optional pusher before the queue
(`handle_push`). For operators: `verify` compares the bucket with the table, `dry_run` shows what a batch would do.
`records` holds what they work with; `aws` and `aws_push` are the functions' ports, `aws_tools` those of the command
line.
"""
