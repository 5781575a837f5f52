"""Firehose, simulated: what its conversion, buffers and prefixes make of the transform's records.

In: answered records. Out: the objects that Firehose would write to the bucket.
Read `landing` first, then `conversion` and `delivery`.
"""
