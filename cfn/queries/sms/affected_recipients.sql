-- Whom did we not reach in the last 24 hours? Recipients whose newest message failed, the latest first.
-- Someone who got a later message is not in the list. Numbers are masked unless the stack stores them plain.
-- Cost: reads two days (dt); to look further back change '24' (hours) and '1' (days) together.
SELECT
  recipient,
  recipient_hash,
  max_by(country, sent_at) AS country,
  max_by(carrier, sent_at) AS carrier,
  count_if(outcome = 'failed') AS failed,
  count(*) AS total,
  max(sent_at) AS failed_at,
  max_by(coalesce(status_text, error_text, 'no reason given'), sent_at) AS reason,
  max_by(message_id, sent_at) AS message_id
FROM sms_messages
WHERE dt >= date_format(current_timestamp - INTERVAL '1' DAY, '%Y-%m-%d')
  AND sent_at >= current_timestamp - INTERVAL '24' HOUR
  AND outcome IN ('delivered', 'failed')
  AND recipient_hash IS NOT NULL
GROUP BY recipient, recipient_hash
HAVING max_by(outcome, sent_at) = 'failed'
ORDER BY failed_at DESC
LIMIT 1000
