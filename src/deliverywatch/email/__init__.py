"""E-mail: from an event of SES to a row in the lake.

Read `transform` first: Firehose calls it with a batch at a time. `events` turns one event into one row or says why not,
`counts` makes the metrics. `judge` says, with each batch and as time goes by, what a stream's mails prove (`rates`).
`firehose` simulates what Firehose does next, so that `land` goes the whole way on this machine. `replay`, `drift`,
`compact` and `report` work on what has landed.
"""
