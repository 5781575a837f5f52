-- Scheduled queries that failed in the last 7 days, with Athena's reason, the newest first
SELECT due, query_id, status, reason, seconds, execution_id, revision
FROM query_runs
WHERE dt >= date_format(current_date - INTERVAL '7' DAY, '%Y-%m-%d')
    AND status <> 'succeeded'
ORDER BY due DESC
