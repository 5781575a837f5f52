-- Why did this person not get the mail: what became of one message, step by step?
-- Put the message's id, in quotes, in place of NULL; as it stands, it shows the newest message that bounced.
-- Cost: reads 61 days (dt); change both '60' for less.
WITH asked AS (
  SELECT CAST(NULL AS varchar) AS message_id
),
found AS (
  SELECT max_by(email_events_unique.message_id, event_time) AS message_id
  FROM email_events_unique
  CROSS JOIN asked
  WHERE dt >= CAST(current_timestamp - INTERVAL '60' DAY AS date)
    AND (email_events_unique.message_id = asked.message_id OR (asked.message_id IS NULL AND event_type = 'Bounce'))
)
SELECT
  event_time,
  event_type,
  stream,
  subject,
  recipients,
  coalesce(bounce_subtype, delay_type, complaint_type, reject_reason, template_name, subscription_source, bot_verdict) AS kind,
  coalesce(diagnostic, smtp_response, error_message, link, user_agent) AS detail,
  arrived_at
FROM email_events_unique
JOIN found ON email_events_unique.message_id = found.message_id
WHERE dt >= CAST(current_timestamp - INTERVAL '60' DAY AS date)
ORDER BY event_time, event_type
