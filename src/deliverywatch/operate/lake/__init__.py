"""The lake in an operator's hands: queried, reconciled with CloudWatch, and one recipient forgotten.

In: objects of the lake. Out: rows, corrections, and what remains where.
Read `query` first.
"""
