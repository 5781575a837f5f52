"""SMS: from a row of ClickSend's history to a data point. README.md has the road of one row, file by file.

Read `ingest` first: it is the flow of `handle_ingest`. It follows a `plan`, covers a range after the other (`hours`),
turns what changed into `counts`, and judges each watch by what was seen (`assess`, with `assessments`); `ports` is what
a run touches. `scheduled` says what is to be read again because its time has come, `measure_delivery` how late outcomes
are, `expect` what is usual. `compact` (`handle_compact`) makes one object of a day's hours, `backfill` fills in months,
`overview` sums up the lake. `clicksend` fetches and judges, `lake` keeps, `mail_context` sums up for the mails; `aws`
has the adapters.
"""
