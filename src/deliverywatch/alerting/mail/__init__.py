"""The mail: an incident's change with all that is known -> subject, HTML and text.

In: a change, its alarms and its context. Out: a message ready for SES.
Read `view` first, then `message` and the templates.
"""
