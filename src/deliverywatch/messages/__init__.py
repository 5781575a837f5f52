"""What the systems and the notifier say to each other: typed values, written and read by the same code.

In: a system's findings, or untrusted documents. Out: the notices of the topic, the context documents of the bucket.
Read `verdict` first: it is the rule of the house. Then `notice` and `context`; `level` is their scale, `palette` its
colours, `untrusted` cleans untrusted values, `scheduled` refuses an event that no schedule filled in, `console` leads
to the pages of a region.
"""
