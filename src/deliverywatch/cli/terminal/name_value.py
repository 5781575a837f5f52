"""`NAME=VALUE` on the command line: as `cwalarm` reads it."""

from cwalarm.cli.terminal import pairs

__all__ = ["pairs"]
