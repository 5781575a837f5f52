"""Files: from a notification of S3 to one right item in DynamoDB, whatever is repeated, reordered or lost on the way.

Read `process` first: it is the flow. `messages` reads the body of an SQS message into `events`, `items` turns an event
into what the table keeps and says which of two states is the newer, `failures` is why a message could not be processed.
`aws` is the table and the queues; `handle_process` is the Lambda.
"""
