"""ClickSend: from an HTTP answer to judged records without anything personal.

In: pages of message history and the account's balance. Out: records with the columns of the lake, each with an outcome.
Read `reading` first (a range) and `client` (its pages, through `transport`), then `records` (one row) and `judge`.
"""
