"""What a run leaves behind: metrics, the context of its mails, and which runs and causes were counted and notified.

In: what is known of a run. Out: EMF counts and small documents in the lake.
Read `metrics` first.
"""
