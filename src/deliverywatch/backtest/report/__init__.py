"""The result of a back-test -> a table, a document, charts and a page.

In: a `Result`. Out: what the terminal, `--json` and `--report` show.
Read `document` first, then `page`.
"""
