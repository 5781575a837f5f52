"""The foundation: MiniStack in a thread, our replacements hooked into it, and the one clock.

In: the names inside MiniStack that we replace. Out: a running emulator that leaves nothing behind when it stops.
Read `emulator` first, then `hooks`.
"""
