-- Of the mails sent each day (UTC), by stream and campaign: how many arrived, bounced, were complained about, opened and clicked?
-- Days are those of sending, whenever the rest came. Each recipient counts; opens and clicks count once for a mail.
-- By people: SES's verdict; NULL where it gave none that would decide it, and then at least and at most so many.
-- Cost: reads 31 days (dt) for mails of 30; change both '30' to look further back. SES reports opens for up to 60 days.
WITH mails AS (
  SELECT
    stream,
    message_id,
    CAST(max(sent_at) AS date) AS sent_day,
    coalesce(max(campaign), '(none)') AS campaign,
    count(DISTINCT CASE WHEN outcome = 'sent' THEN recipient END) AS sent,
    count(DISTINCT CASE WHEN outcome = 'delivered' THEN recipient END) AS delivered,
    count(DISTINCT CASE WHEN outcome = 'hard_bounce' THEN recipient END) AS bounced_hard,
    count(DISTINCT CASE WHEN outcome = 'soft_bounce' THEN recipient END) AS bounced_soft,
    count(DISTINCT CASE WHEN outcome = 'undetermined_bounce' THEN recipient END) AS bounced_undetermined,
    count(DISTINCT CASE WHEN outcome = 'not_attempted' THEN recipient END) AS not_attempted,
    count(DISTINCT CASE WHEN outcome = 'rejected' THEN recipient END) AS never_sent,
    count(DISTINCT CASE WHEN outcome = 'complaint' THEN recipient END) AS complained,
    max(CASE WHEN outcome = 'opened' THEN 1 ELSE 0 END) AS opened,
    max(CASE WHEN outcome = 'opened' AND reader = 'people' THEN 1 ELSE 0 END) AS opened_at_least,
    max(CASE WHEN outcome = 'opened' AND reader <> 'bots' THEN 1 ELSE 0 END) AS opened_at_most,
    max(CASE WHEN outcome = 'clicked' THEN 1 ELSE 0 END) AS clicked,
    max(CASE WHEN outcome = 'clicked' AND reader = 'people' THEN 1 ELSE 0 END) AS clicked_at_least,
    max(CASE WHEN outcome = 'clicked' AND reader <> 'bots' THEN 1 ELSE 0 END) AS clicked_at_most
  FROM email_events_unique
  CROSS JOIN UNNEST(counted_recipients) AS one (recipient)
  WHERE dt >= CAST(current_timestamp - INTERVAL '30' DAY AS date)
    AND sent_at >= CAST(CAST(current_timestamp - INTERVAL '30' DAY AS date) + INTERVAL '1' DAY AS timestamp)
  GROUP BY stream, message_id
)
SELECT
  sent_day,
  stream,
  campaign,
  sum(sent) AS sent,
  sum(delivered) AS delivered,
  sum(bounced_hard) AS bounced_hard,
  sum(bounced_soft) AS bounced_soft,
  sum(bounced_undetermined) AS bounced_undetermined,
  sum(not_attempted) AS not_attempted,
  sum(never_sent) AS never_sent,
  sum(complained) AS complained,
  sum(opened) AS opened,
  CASE WHEN sum(opened_at_least) = sum(opened_at_most) THEN sum(opened_at_least) END AS opened_by_people,
  sum(opened_at_least) AS opened_by_people_at_least,
  sum(opened_at_most) AS opened_by_people_at_most,
  sum(clicked) AS clicked,
  CASE WHEN sum(clicked_at_least) = sum(clicked_at_most) THEN sum(clicked_at_least) END AS clicked_by_people,
  sum(clicked_at_least) AS clicked_by_people_at_least,
  sum(clicked_at_most) AS clicked_by_people_at_most
FROM mails
GROUP BY sent_day, stream, campaign
ORDER BY sent_day DESC, stream, sent DESC
