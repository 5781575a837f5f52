"""Files: from a notification of S3 to one right item in DynamoDB, whatever is repeated, reordered or lost on the way.

Read `process` first: it is the flow. `messages` reads the body of an SQS message into `events`, `items` turns an event
into what the table keeps and says which of two states is the newer, `failures` is why a message could not be
processed, and `context` what a mail tells of it. `push` is the flow of the pusher, which may stand before the queue.
For operators: `letters` explains the queue of dead letters, `verify` compares the bucket with the table, `trial` says
what would be done. `aws` and `aws_push` are the functions' ports, `aws_tools` the operators'; `handle_process` and
`handle_push` are the Lambdas.
"""
