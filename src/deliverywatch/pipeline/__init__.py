"""Pipelines: from the end of a run to its metrics, to the cause of a failure, and to whether its data is right.

Read `publish` first, then `report` and `validate`: the three flows, each with its handler. `declaration` is what a team
says about its pipelines, `diagnosis` finds what a run did and why it failed, `checks` has the checks of data as Athena
SQL, `outputs` is what a run leaves behind. `preview` shows the metrics of a file, `aws` has the adapters.
"""
