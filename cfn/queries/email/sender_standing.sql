-- How close is each stream, by the day (UTC) its mails were sent, to the bounces and complaints at which SES reviews (5 %, 0.1 %) or pauses (10 %, 0.5 %)?
-- Hard bounces and complaints by recipient, of the mails that SES tried to deliver, without its mailbox simulator.
-- Cost: reads 31 days (dt) for mails of 30; change both '30' to look further back.
WITH mails AS (
  SELECT stream, CAST(sent_at AS date) AS sent_day, outcome, message_id || ' ' || recipient AS mail
  FROM email_events_unique
  CROSS JOIN UNNEST(counted_recipients) AS one (recipient)
  WHERE dt >= CAST(current_timestamp - INTERVAL '30' DAY AS date)
    AND sent_at >= CAST(CAST(current_timestamp - INTERVAL '30' DAY AS date) + INTERVAL '1' DAY AS timestamp)
),
days AS (
  SELECT
    sent_day,
    stream,
    count(DISTINCT CASE WHEN outcome = 'sent' THEN mail END) AS sent,
    count(DISTINCT CASE WHEN outcome = 'sent' THEN mail END)
      - count(DISTINCT CASE WHEN outcome = 'not_attempted' THEN mail END) AS attempted,
    count(DISTINCT CASE WHEN outcome = 'hard_bounce' THEN mail END) AS bounced,
    count(DISTINCT CASE WHEN outcome = 'complaint' THEN mail END) AS complained
  FROM mails
  GROUP BY sent_day, stream
)
SELECT
  sent_day AS day,
  stream,
  sent,
  CASE WHEN attempted >= 0 THEN attempted END AS attempted,
  bounced,
  CASE WHEN bounced <= attempted THEN round(100.0 * bounced / nullif(attempted, 0), 3) END AS bounced_percent,
  complained,
  CASE WHEN complained <= attempted THEN round(100.0 * complained / nullif(attempted, 0), 3) END AS complained_percent
FROM days
ORDER BY day DESC, stream
