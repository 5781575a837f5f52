-- Which mails left in the last 30 days, and which were claimed but never sent?
-- Cost: reads 31 days (dt), a few hundred bytes each mail; change '30' to look further back.
SELECT
  time,
  incident,
  watch,
  seq,
  event,
  level,
  failed,
  total,
  coalesce(channel, 'not sent') AS channel,
  recipients,
  subject,
  problem,
  sent_at
FROM mails
WHERE dt >= date_format(current_timestamp - INTERVAL '30' DAY, '%Y-%m-%d')
ORDER BY time DESC, seq DESC
