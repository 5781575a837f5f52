"""Pipelines: from the end of a run to its metrics, to the cause of a failure, and to whether its data is right.

Read `publish` first, then `report` and `validate`: the three flows. `runs` and `dbt` read what Step Functions, Glue and
dbt say, `evidence` finds it in an execution, `metrics` counts it. `faults` knows causes, `guide` what to do about them.
`scd2` and `records` write the checks of the data as Athena SQL; `declaration` is what a team says of its pipelines.
"""
