"""The foundation: MiniStack in a thread, our replacements hooked into it, and the one clock.

In: named places inside MiniStack. Out: a running emulator that is stopped without a trace.
Read `emulator` first, then `hooks`.
"""
