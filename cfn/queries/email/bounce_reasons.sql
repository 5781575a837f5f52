-- Why do mails bounce, and what do the receiving servers say?
-- What SES did not try to deliver (outcome not_attempted: suppression lists, validation) does not count as a bounce.
-- Cost: reads 31 days (dt); change '30' to look further back.
SELECT
  stream,
  outcome,
  bounce_type,
  bounce_subtype,
  status_code,
  regexp_replace(diagnostic, '[^ ]+@[^ ]+', '<address>') AS diagnostic,
  count(*) AS bounces,
  sum(cardinality(counted_recipients)) AS recipients,
  count(DISTINCT message_id) AS messages,
  count(DISTINCT recipient_domain) AS domains,
  max(event_time) AS newest
FROM email_events_unique
WHERE dt >= CAST(current_timestamp - INTERVAL '30' DAY AS date)
  AND event_type = 'Bounce'
GROUP BY stream, outcome, bounce_type, bounce_subtype, status_code, regexp_replace(diagnostic, '[^ ]+@[^ ]+', '<address>')
ORDER BY bounces DESC, newest DESC
LIMIT 100
