-- Why did SMS fail in the last 24 hours, most frequent reason first?
-- Cost: reads two days (dt); to look further back change '24' (hours) and '1' (days) together.
SELECT
  fault,
  error_code,
  coalesce(status_text, error_text, 'no reason given') AS reason,
  count(*) AS failed,
  round(100.0 * count(*) / sum(count(*)) OVER (), 1) AS share_percent,
  count(DISTINCT recipient_hash) AS recipients,
  max(sent_at) AS newest,
  max_by(message_id, sent_at) AS newest_message_id
FROM sms_messages
WHERE dt >= date_format(current_timestamp - INTERVAL '1' DAY, '%Y-%m-%d')
  AND sent_at >= current_timestamp - INTERVAL '24' HOUR
  AND outcome = 'failed'
GROUP BY 1, 2, 3
ORDER BY failed DESC, error_code
LIMIT 50
