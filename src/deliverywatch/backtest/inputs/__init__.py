"""What a back-test needs: definitions, history, and what the notifier would have asked of AWS at the time.

In: a template, a lake or files of datapoints. Out: alarms with their watches, datapoints, contexts.
Read `definitions` first, then `history`.
"""
