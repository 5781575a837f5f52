"""Metric math: the text of an expression -> values per slot.

In: an expression and the series it names. Out: scalars, time series or arrays; what is unknown is refused by name.
Read `expression` first, then `syntax` and `functions`.
"""
