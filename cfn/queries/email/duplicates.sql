-- How many events came more than once, per day (UTC) and stream?
-- Firehose delivers at least once: some copies are normal, many mean that a replay was run twice.
-- Cost: reads 31 days (dt) of two columns; change '30' to look further back.
WITH copies AS (
  SELECT dt, stream, event_id, count(*) AS copy_count
  FROM email_events
  WHERE dt >= CAST(current_timestamp - INTERVAL '30' DAY AS date)
  GROUP BY dt, stream, event_id
)
SELECT
  dt AS arrived_day,
  stream,
  sum(copy_count) AS rows_stored,
  count(*) AS events,
  sum(copy_count) - count(*) AS copies,
  max(copy_count) AS most_copies
FROM copies
GROUP BY dt, stream
ORDER BY arrived_day DESC, stream
