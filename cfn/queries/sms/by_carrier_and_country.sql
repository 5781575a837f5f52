-- Is it one carrier or one country? Failures of the last 24 hours by both, the most failures first.
-- Cost: reads two days (dt); to look further back change '24' (hours) and '1' (days) together.
SELECT
  coalesce(country, 'unknown') AS country,
  coalesce(carrier, 'unknown') AS carrier,
  count(*) AS total,
  count_if(outcome = 'delivered') AS delivered,
  count_if(outcome = 'failed') AS failed,
  count_if(outcome = 'pending') AS pending,
  round(100.0 * count_if(outcome = 'failed') / count(*), 1) AS failed_percent
FROM sms_messages
WHERE dt >= date_format(current_timestamp - INTERVAL '1' DAY, '%Y-%m-%d')
  AND sent_at >= current_timestamp - INTERVAL '24' HOUR
  AND outcome <> 'excluded'
GROUP BY 1, 2
ORDER BY failed DESC, total DESC, country, carrier
