"""The demo: one module per system that plays its day, and the page that shows what came of it.

In: the built template. Out: a folder with mails, a timeline and one page.
Read `play` first, then `sms_day`.
"""
