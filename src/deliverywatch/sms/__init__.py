"""SMS: from a row of ClickSend's history to a data point.

Read `ingest` first: it is the flow. It follows a `plan`, takes pages from `clicksend` (one answer is `pages`, their
speed `pace`), lets `records` judge the rows (once per `kinds`, by the rules of `outcomes`), merges them into the `lake`
(which is the only state; its format is `parquet`), turns what changed into `counts`, and leaves for the mails a
`context` of what `survey` finds. `store` is the port behind which `aws` and `folder` keep the objects; `handle_ingest`
is the Lambda.

Which object holds a row is in `days`: an hour's, until `compact` (and its Lambda, `handle_compact`) has made one object
of the day, by `sealing` its hours first. `backfill` fills in months, `forgetting` takes a recipient out.
"""
