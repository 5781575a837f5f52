"""What became of the mails of a time -> whether too many of them bounce, are complained about or wait.

In: the counts of a batch by the minute in which a mail was sent, whenever the event arrived. Out: an `Assessment`
(`messages.verdict`) and a share per watch, by pure functions. Read `judgement` first: it judges the `cohorts` that
`slots` are put together to, by `rules`; `delays` judges receiving domains, `document` is what is kept of all this.
"""
