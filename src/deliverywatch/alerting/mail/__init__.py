"""The mail: an incident's change with its alarm and context -> subject, HTML and text.

In: a `story` (the change, its alarm, its context). Out: a mail that is sent.
Read `view` first (what it says), then `message` and the templates (how it looks), `send` (how it goes out).
"""
