-- Which links do people click most, apart from unsubscribing?
-- Parameters that are known only to track are taken off, and those of EmailTrackingParameters; links that begin as one of EmailUnsubscribeLinks are left out.
-- By people: at least and at most, where SES gave no verdict.
-- Cost: reads 31 days (dt) for mails of 30; change both '30' to look further back.
WITH clicks AS (
  SELECT
    stream,
    message_id,
    page,
    count(*) AS clicks,
    max(CASE WHEN reader = 'people' THEN 1 ELSE 0 END) AS by_people,
    max(CASE WHEN reader <> 'bots' THEN 1 ELSE 0 END) AS by_people_at_most,
    max(CASE WHEN reader = 'bots' THEN 1 ELSE 0 END) AS by_bots,
    max(CASE WHEN reader = 'unknown' THEN 1 ELSE 0 END) AS without_verdict,
    coalesce(max(campaign), '(none)') AS campaign
  FROM email_events_unique
  WHERE dt >= CAST(current_timestamp - INTERVAL '30' DAY AS date)
    AND sent_at >= CAST(CAST(current_timestamp - INTERVAL '30' DAY AS date) + INTERVAL '1' DAY AS timestamp)
    AND outcome = 'clicked'
    AND link <> ''
    AND NOT is_unsubscribe
    AND cardinality(counted_recipients) > 0
  GROUP BY stream, message_id, page
)
SELECT
  stream,
  campaign,
  page AS link,
  sum(clicks) AS clicks,
  count(*) AS clickers,
  sum(by_people) AS clickers_people_at_least,
  sum(by_people_at_most) AS clickers_people_at_most,
  sum(by_bots) AS clickers_bots_at_least,
  sum(without_verdict) AS without_verdict
FROM clicks
GROUP BY stream, campaign, page
ORDER BY clickers DESC, clicks DESC, link
LIMIT 100
