"""Chats and webhooks on loopback: servers that behave as the documented services do, and as they do on bad days.

In: what a channel sends. Out: the service's answers, and `messages`, what its users would see.
Read `receiver` first (one server, its faults and what it took), then `webhook`.
"""
