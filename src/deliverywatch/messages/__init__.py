"""What the systems and the notifier say to each other: typed values, written and read by the same code.

In: a system's findings, or documents of unknown origin. Out: the notices and context documents of the bucket and topic.
Read `notice` and `context` first; `level` is their scale, `palette` its colours, and
`untrusted` cleans what others wrote.
"""
