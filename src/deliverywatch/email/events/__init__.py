"""Events of SES: one event -> one row with typed columns, or the reason why not.

In: JSON that SES publishes. Out: rows of the e-mail tables, what each counts as, and counts of them.
Read `rows` first, then `columns`, and `outcomes` for what counts.
"""
