-- In how many objects does each day lie, and how large are they?
-- More than a few objects on a day before yesterday mean that the nightly compaction did not run.
-- Cost: reads 31 days (dt), the footers only; change '30' to look further back.
SELECT
  stream,
  dt,
  count(DISTINCT object_path) AS objects,
  count(*) AS events,
  round(1.0 * count(*) / count(DISTINCT object_path), 1) AS events_per_object
FROM email_events
WHERE dt >= CAST(current_timestamp - INTERVAL '30' DAY AS date)
GROUP BY stream, dt
ORDER BY dt DESC, stream
