"""Sentences for a terminal: those of `cwalarm`."""

from cwalarm.cli.terminal import columns, counted, one_line, wrapped

__all__ = ["columns", "counted", "one_line", "wrapped"]
