"""Mail: what SES sends, the events it publishes of it, and Firehose that carries them.

In: SendEmail. Out: mails as files, events, objects in buckets.
Read `outbox` first, then `ses`.
"""
