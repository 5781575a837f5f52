"""The report: rows of a period -> what an advertiser asks of it, as JSON, CSV and one HTML page.

In: a lake and a period. Out: engagement, growth, receiving domains and links.
Read `engagement` first, then `mails` for what counts, and `pages`.
"""
