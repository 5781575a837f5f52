"""What the processor reads and stores: events on objects, their items, and why a message failed.

In: an event of SQS and the bodies of its messages. Out: events, items of the table, failures and the context of mails.
Read `messages` first, then `events` and `items`.
"""
