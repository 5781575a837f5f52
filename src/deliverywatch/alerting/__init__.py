"""Alerting: from a CloudWatch alarm message to one e-mail per change.

Read `notify` first: it is the flow. `inputs` parse what arrives, `incidents` compute the watch's level from its live
alarms, decide what changed and claim the mail; `collect` has what a mail needs, `deliver` sends it, and `mail`
holds how it reads and looks. The notifier knows no system: what a mail says beyond the alarm is the context document of
`deliverywatch.messages`. `dry_run` does all of it without AWS, `test_message` tries the path.
"""
