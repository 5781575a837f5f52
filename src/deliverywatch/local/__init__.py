"""The local cloud: everything on one machine, without an AWS account, Docker or the internet.

Read `demo` first. `cloud` is the emulator with what it lacks, `clicksend` is a ClickSend server on loopback, `channels`
are chats and webhooks there.
Nothing here is ever deployed.
"""
