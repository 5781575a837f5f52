"""What the systems and the notifier say to each other, and how JSON that strangers wrote is read.

In: documents of unknown origin. Out: clean text, numbers and times, or nothing.
Read `untrusted` first.
"""
