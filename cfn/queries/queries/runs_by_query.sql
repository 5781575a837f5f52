-- Scheduled queries of the last 7 days: runs, failures, bytes read and cost of each, the dearest first
SELECT
    query_id,
    count(*) AS runs,
    count_if(status <> 'succeeded') AS failed,
    max(seconds) AS slowest_seconds,
    sum(scanned_bytes) AS scanned_bytes,
    round(sum(cost_usd), 4) AS cost_usd,
    max(due) AS last_due
FROM query_runs
WHERE dt >= date_format(current_date - INTERVAL '7' DAY, '%Y-%m-%d')
GROUP BY query_id
ORDER BY cost_usd DESC, runs DESC
