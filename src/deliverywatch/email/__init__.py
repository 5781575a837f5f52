"""E-mail: from an event of SES to a row in the lake.

Read `transform` first: it is the flow that Firehose calls, a batch at a time. `events` turns one event into one row of
the `columns`, checked field by field by `values`; what cannot become a row is one of the `refusals`. `tally` and
`counts` make the metrics. What Firehose does next is simulated by `conversion` (its rules for JSON), `parquet` and
`delivery` (its prefixes and error records), so that `land` walks the whole way on this machine. `replay`, `drift`,
`compact` and `report` are the flows over what has landed; `streams` says where that is, and `folder` and `aws` read and
write it.
"""
