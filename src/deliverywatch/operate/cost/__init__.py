"""What a month costs: a template and its usage -> lines at list price.

In: resources, parameters, a volume. Out: a bill, beside the baseline.
Read `estimate` first, then `usage_assumptions`.
"""
