"""Alerting: from a CloudWatch alarm message to one e-mail per change.

Read `notify` first: it is the flow. `inputs` parses what arrives, `incidents` computes a watch's level from its live
alarms, decides what changed and claims the mail; `collect` puts together what a mail needs, `deliver` sends it, and
`mail` says how it reads and looks. `dispatch` then hands it to the `channels` beside mail. The notifier knows no
system: what a mail says beyond the alarm comes from the context document of `deliverywatch.messages`. `single_notice`
mails what is the state of nothing. `dry_run` does all of it without AWS, `test_message` tests the path.
"""
