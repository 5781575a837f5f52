"""What verbs share: options, the words of a terminal, tables, progress and exit codes.

In: arguments and results. Out: text on stdout, everything else on stderr.
Read `target` first, then `results`.
"""
