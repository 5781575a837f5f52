-- What became of one message, and of everything else sent to the same recipient?
-- Put the message's id, in quotes, in place of NULL; as it stands, it shows the newest message that failed.
-- Cost: reads the last 7 days (dt); change both '7' to look further back.
WITH asked AS (
  SELECT CAST(NULL AS varchar) AS message_id
),
found AS (
  SELECT max_by(sms_messages.message_id, sent_at) AS message_id, max_by(recipient_hash, sent_at) AS recipient_hash
  FROM sms_messages
  CROSS JOIN asked
  WHERE dt >= date_format(current_timestamp - INTERVAL '7' DAY, '%Y-%m-%d')
    AND (sms_messages.message_id = asked.message_id OR (asked.message_id IS NULL AND outcome = 'failed'))
)
SELECT
  sms_messages.message_id = found.message_id AS is_it,
  sms_messages.message_id,
  sent_at,
  outcome,
  fault,
  coalesce(status_text, error_text) AS reason,
  error_code,
  coalesce(outcome_at, observed_at) AS outcome_known_at,
  recipient,
  country,
  carrier,
  sender,
  message_parts
FROM sms_messages
JOIN found ON sms_messages.recipient_hash = found.recipient_hash OR sms_messages.message_id = found.message_id
WHERE dt >= date_format(current_timestamp - INTERVAL '7' DAY, '%Y-%m-%d')
ORDER BY sent_at DESC
LIMIT 200
