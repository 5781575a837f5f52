"""An alarm in plain words, and what is doubtful about its definition.

In: an alarm or a composite. Out: sentences and findings.
Read `explain` first, then `behaviour`, which it says in words, and `probe`.
"""
