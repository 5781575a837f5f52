"""What a back-test results in: mails, incidents, headline numbers, the curve of a threshold.

In: mails and the history they came of. Out: the values that the flows fill in and the reports show.
Read `result` first, then `measure`.
"""
