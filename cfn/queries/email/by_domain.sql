-- How do the ten domains to which each stream sends most treat our mails: delayed, bounced, complained about?
-- A mail counts for each recipient, shares are of those that SES tried to deliver. Gmail reports no complaints to SES: none there is no evidence of none.
-- Cost: reads 31 days (dt) for mails of 30; change both '30' to look further back.
WITH mails AS (
  SELECT
    stream,
    coalesce(regexp_extract(recipient, '@([^@<>\s]+)>?\s*$', 1), '') AS recipient_domain,
    message_id || ' ' || recipient AS mail,
    outcome,
    processing_millis
  FROM email_events_unique
  CROSS JOIN UNNEST(counted_recipients) AS one (recipient)
  WHERE dt >= CAST(current_timestamp - INTERVAL '30' DAY AS date)
    AND sent_at >= CAST(CAST(current_timestamp - INTERVAL '30' DAY AS date) + INTERVAL '1' DAY AS timestamp)
    AND outcome NOT IN ('opened', 'clicked', 'subscription')
),
domains AS (
  SELECT
    stream,
    recipient_domain,
    count(DISTINCT CASE WHEN outcome = 'sent' THEN mail END) AS sent,
    count(DISTINCT CASE WHEN outcome = 'sent' THEN mail END)
      - count(DISTINCT CASE WHEN outcome = 'not_attempted' THEN mail END) AS attempted,
    count(DISTINCT CASE WHEN outcome = 'delivered' THEN mail END) AS delivered,
    count(DISTINCT CASE WHEN outcome = 'delayed' THEN mail END) AS delayed,
    count(DISTINCT CASE WHEN outcome = 'hard_bounce' THEN mail END) AS bounced_hard,
    count(DISTINCT CASE WHEN outcome = 'soft_bounce' THEN mail END) AS bounced_soft,
    count(DISTINCT CASE WHEN outcome = 'complaint' THEN mail END) AS complained,
    recipient_domain NOT IN ('gmail.com', 'googlemail.com') AS is_reported,
    round(avg(processing_millis) / 1000.0, 1) AS seconds_to_deliver
  FROM mails
  GROUP BY stream, recipient_domain
),
ranked AS (
  SELECT *, row_number() OVER (PARTITION BY stream ORDER BY sent DESC, recipient_domain) AS place
  FROM domains
)
SELECT
  stream,
  recipient_domain,
  sent,
  CASE WHEN attempted >= 0 THEN attempted END AS attempted,
  delivered,
  delayed,
  CASE WHEN delayed <= attempted THEN round(100.0 * delayed / nullif(attempted, 0), 2) END AS delayed_percent,
  bounced_hard,
  CASE WHEN bounced_hard <= attempted THEN round(100.0 * bounced_hard / nullif(attempted, 0), 2) END AS bounced_percent,
  bounced_soft,
  CASE WHEN is_reported OR complained > 0 THEN complained END AS complained,
  CASE WHEN is_reported AND complained <= attempted THEN round(100.0 * complained / nullif(attempted, 0), 3) END AS complained_percent,
  CASE WHEN is_reported THEN 'reported' ELSE 'not reported' END AS complaints,
  seconds_to_deliver
FROM ranked
WHERE place <= 10
ORDER BY stream, place
