"""Deploying and destroying: a built template and a stack as it is -> a plan, and its steps.

In: a template and parameters. Out: a stack that stands, or the reason why not.
Read `upgrade` first, then `deploy` and `destroy`.
"""
