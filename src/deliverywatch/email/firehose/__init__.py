"""Firehose, simulated: what its conversion, buffers and prefixes make of the records of the transform.

In: answered records. Out: the objects that would lie in the bucket.
Read `landing` first, then `conversion` and `delivery`.
"""
