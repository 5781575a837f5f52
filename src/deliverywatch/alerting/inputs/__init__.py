"""What the notifier reads: alarm messages, alarms as CloudWatch describes them, metrics, and the context of a watch.

In: JSON of AWS and of the systems. Out: typed values; what cannot be read is empty, and nothing here fails.
Read `notice` first, then `alarm`.
"""
