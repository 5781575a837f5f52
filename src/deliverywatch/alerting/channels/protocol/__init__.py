"""What every channel gets and answers, and how it sends.

In: a change of an incident. Out: a notification; the answer of a service, as what became of an attempt.
Read `notification` first, then `http` (one request) and `answers` (what the answer means).
"""
