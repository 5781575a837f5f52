"""Athena queries in one JSON file -> EventBridge schedules kept in step with it, results exported, conditions alerted.

Read `reconcile` (file -> schedules) and `execute` (one run) first. They stand on three sub-rooms: `config` (what
analysts write), `schedule` (what EventBridge should hold, and holds) and `run` (result, exports, notices, record).
"""
