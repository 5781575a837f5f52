"""A ClickSend server on loopback, and the traffic that it answers for.

In: a date and a seed. Out: pages of message history in ClickSend's envelope, with its faults on demand.
Read `server` first, then `answers` and `traffic`; `faults` lists what can go wrong, `listings` how rows are then shown.
"""
