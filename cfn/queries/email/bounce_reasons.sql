-- Why do mails bounce, and what do the receiving servers say?
-- OnAccountSuppressionList never left SES and does not count against the sender.
-- Cost: reads 31 days (dt); change '30' to look further back.
SELECT
  stream,
  bounce_type,
  bounce_subtype,
  status_code,
  regexp_replace(diagnostic, '[^ ]+@[^ ]+', '<address>') AS diagnostic,
  count(*) AS bounces,
  count(DISTINCT message_id) AS messages,
  count(DISTINCT recipient_domain) AS domains,
  max(event_time) AS newest
FROM email_events_unique
WHERE dt >= CAST(current_timestamp - INTERVAL '30' DAY AS date)
  AND event_type = 'Bounce'
GROUP BY stream, bounce_type, bounce_subtype, status_code, regexp_replace(diagnostic, '[^ ]+@[^ ]+', '<address>')
ORDER BY bounces DESC, newest DESC
LIMIT 100
