"""The SQL of a query: what Athena would say of it, and what is certain of its result, without an account.

In: a statement as Athena gets it. Out: why Trino's grammar has no such query, or which rows it can have.
Read `grammar` first, then `parse`.
"""
