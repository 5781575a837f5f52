"""What a team declares of its pipelines -> what the flows look for.

In: `pipelines.json`, made of cfn/pipelines.toml. Out: pipelines with their steps, tables and limits.
Read `pipelines` first.
"""
