"""An alarm in plain words, and how it behaves when data is played to it.

In: an alarm or a composite. Out: sentences, and the behaviour that they state.
Read `explain` first, then `behaviour`, which it says in words, and `probe`.
"""
