"""What a run leaves behind: metrics, the context of its mails, and which runs and causes were counted and notified.

In: a run, its diagnosis and its validation. Out: EMF counts and small documents in the lake.
Read `metrics` first.
"""
