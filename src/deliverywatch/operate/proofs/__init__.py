"""What we rely on of AWS: how each behaviour is known, the page that lists it, and the proof on a real account.

In: a table of behaviours, and a deployed stack. Out: .github/PROOFS.md, and for each behaviour tried proven or wrong.
Read `behaviours` first, then `prove`.
"""
