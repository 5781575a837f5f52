"""The result of a back-test -> measures, a table, a document, charts and a page.

In: compared runs. Out: what the terminal, `--json` and `--report` show.
Read `document` first, then `page`.
"""
