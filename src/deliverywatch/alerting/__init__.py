"""Alerting: from a CloudWatch alarm message to one e-mail per change.

Read `notify` first: it is the flow. `notice` parses what arrives, `ladder` computes the level, `incident` decides what
changed, `mail` writes it. The notifier knows no system: what a mail says beyond the alarm comes from `context`.
"""
