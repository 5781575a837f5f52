-- What share of SMS failed, minute by minute of the last 24 hours, and over the 30 minutes up to each?
-- The last three columns look back as alarms with WindowMinutes=30 do; an alarm also asks for a minimum volume.
-- Cost: reads three days (dt). To look further back, change '24', '25' (one more) and '2' (days) together.
WITH minutes AS (
  SELECT
    date_trunc('minute', sent_at) AS minute,
    count(*) AS total,
    count_if(outcome = 'failed') AS failed
  FROM sms_messages
  WHERE dt >= date_format(current_timestamp - INTERVAL '2' DAY, '%Y-%m-%d')
    AND sent_at >= current_timestamp - INTERVAL '25' HOUR
    AND outcome <> 'excluded'
  GROUP BY 1
),
looked_back AS (
  SELECT
    minute,
    total,
    failed,
    sum(total) OVER (ORDER BY minute RANGE BETWEEN INTERVAL '29' MINUTE PRECEDING AND CURRENT ROW) AS total_30_minutes,
    sum(failed) OVER (ORDER BY minute RANGE BETWEEN INTERVAL '29' MINUTE PRECEDING AND CURRENT ROW) AS failed_30_minutes
  FROM minutes
)
SELECT
  minute,
  total,
  failed,
  round(100.0 * failed / total, 1) AS failed_percent,
  total_30_minutes,
  failed_30_minutes,
  round(100.0 * failed_30_minutes / total_30_minutes, 1) AS failed_percent_30_minutes
FROM looked_back
WHERE minute >= current_timestamp - INTERVAL '24' HOUR
ORDER BY minute DESC
