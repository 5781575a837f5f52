-- How long does SES take to hand a mail over, per day (UTC) and stream: median, 90, 95, 99 %, longest?
-- Cost: reads 31 days (dt); change '30' to look further back.
SELECT
  CAST(event_time AS date) AS delivered_day,
  stream,
  count(*) AS delivered,
  approx_percentile(processing_millis, 0.5) AS median_millis,
  approx_percentile(processing_millis, 0.9) AS p90_millis,
  approx_percentile(processing_millis, 0.95) AS p95_millis,
  approx_percentile(processing_millis, 0.99) AS p99_millis,
  max(processing_millis) AS longest_millis
FROM email_events_unique
WHERE dt >= CAST(current_timestamp - INTERVAL '30' DAY AS date)
  AND event_type = 'Delivery'
GROUP BY CAST(event_time AS date), stream
ORDER BY delivered_day DESC, stream
