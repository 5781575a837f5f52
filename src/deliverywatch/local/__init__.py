"""The local cloud: everything on one machine, without an AWS account, Docker or the internet.

Read `demo` first. `cloud` is the emulator with what it lacks, `clicksend` is a ClickSend server on loopback.
Nothing here is ever deployed.
"""
