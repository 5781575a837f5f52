"""From modules to zips: what a function imports, the locked packages it needs, and the same bytes on every build.

In: the source and the lock file. Out: one zip per function.
Read `bundle` first.
"""
