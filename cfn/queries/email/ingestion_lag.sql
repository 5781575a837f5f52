-- How long after it happened did an event reach Firehose, per day (UTC), stream and type?
-- Behind that Firehose waits up to EmailBufferSeconds before it writes.
-- Cost: reads 8 days (dt); change '7' to look further back.
SELECT
  dt AS arrived_day,
  stream,
  event_type,
  count(*) AS events,
  approx_percentile(date_diff('second', event_time, arrived_at), 0.5) AS median_seconds,
  approx_percentile(date_diff('second', event_time, arrived_at), 0.99) AS p99_seconds,
  max(date_diff('second', event_time, arrived_at)) AS longest_seconds,
  max(arrived_at) AS newest
FROM email_events
WHERE dt >= CAST(current_timestamp - INTERVAL '7' DAY AS date)
GROUP BY dt, stream, event_type
ORDER BY arrived_day DESC, stream, events DESC
