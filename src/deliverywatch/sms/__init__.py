"""SMS: from a row of ClickSend's history to a data point.

Read `ingest` first: it is the flow. It takes pages from `clicksend`, lets `records` judge each row, merges them into the
`lake` (which is the only state), turns what changed into `counts`, and leaves `context` for the mails.
`aws` holds the adapters, `handle_ingest` is the Lambda.
"""
