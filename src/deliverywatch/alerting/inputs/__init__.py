"""What the notifier reads: messages of all kinds, alarms as CloudWatch describes them, metrics, and the settings.

In: JSON of AWS and of the systems, environment variables. Out: typed values; unreadable fields of a message are empty.
Read `notice` first, then `alarm`.
"""
