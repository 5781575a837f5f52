"""Athena queries in one JSON file -> EventBridge schedules kept in step with it, results exported, conditions alerted.

Read `config` first (what analysts write), then `plan` and `reconcile` (file -> schedules), then `execute` (one run).
`source` fetches the file and keeps its last good copy; `expressions`, `cron` and `occurrences` know when a query runs;
`statement` fills in its SQL; `watchdog` finds the queries that no longer succeed.
"""
