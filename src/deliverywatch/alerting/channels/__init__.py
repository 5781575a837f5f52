"""Channels beside mail: chat and webhooks; each is a folder with `render`, `send` and its words, imported when used.

In: a notification, the same for every channel, and the channel's secret. Out: a payload, and what became of it.
Read `services` first (what a channel is), then `protocol` (what it gets and answers) and `slack`,
`teams`, `webhook`.
"""
