-- What happened in the last day, event by event, each once?
-- Firehose may deliver an event twice; the view email_events_unique shows one of its copies a day.
-- Cost: reads 2 days (dt) of the columns named; change '1' to look further back.
SELECT
  stream,
  event_time,
  event_type,
  message_id,
  campaign,
  recipients,
  subject,
  coalesce(diagnostic, smtp_response, reject_reason, error_message, link) AS detail
FROM email_events_unique
WHERE dt >= CAST(current_timestamp - INTERVAL '1' DAY AS date)
ORDER BY event_time DESC
LIMIT 1000
