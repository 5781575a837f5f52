-- How long did it take until the outcome of an SMS was known, day by day (UTC) of the last 14 days and by carrier?
-- A run sees an outcome up to one slot late: with slots of 10 minutes, 10 means at once. Outcomes that no run waited for
-- (back-filled, or missed by an outage) count in total only; waiting are those that have none yet.
-- Cost: reads 15 days (dt); change '14' to look further back.
SELECT
  dt AS day,
  coalesce(carrier, 'unknown') AS carrier,
  count(*) AS total,
  count_if(outcome = 'pending') AS waiting,
  count(outcome_at) AS timed,
  round(approx_percentile(date_diff('second', sent_at, outcome_at) / 60.0, 0.5), 1) AS median_minutes,
  round(approx_percentile(date_diff('second', sent_at, outcome_at) / 60.0, 0.95), 1) AS p95_minutes,
  round(max(date_diff('second', sent_at, outcome_at) / 60.0), 1) AS longest_minutes,
  round(100.0 * count_if(date_diff('second', sent_at, outcome_at) > 1800) / nullif(count(outcome_at), 0), 1)
    AS over_30_minutes_percent
FROM sms_messages
WHERE dt >= date_format(current_timestamp - INTERVAL '14' DAY, '%Y-%m-%d')
  AND outcome <> 'excluded'
GROUP BY 1, 2
ORDER BY day DESC, total DESC, carrier
LIMIT 500
