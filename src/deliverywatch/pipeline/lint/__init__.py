"""A state machine's definition -> the shapes in it that hide a failure, or let a run hang unseen.

In: a definition, or a template or CDK output with some. Out: findings: state, path, why, and what to write instead.
Read `rules` first.
"""
