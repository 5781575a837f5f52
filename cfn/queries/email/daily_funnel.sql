-- Of the mails sent each day (UTC), by stream and campaign: how many arrived, bounced, were complained about, opened and clicked?
-- Days are those of sending; opens and clicks that came later count for the day of their mail.
-- Cost: reads 31 days (dt); change both '30' to look further back. SES reports opens for up to 60 days.
SELECT
  CAST(sent_at AS date) AS sent_day,
  stream,
  coalesce(campaign, '(none)') AS campaign,
  count(DISTINCT CASE WHEN event_type = 'Send' THEN message_id END) AS sent,
  count(DISTINCT CASE WHEN event_type = 'Delivery' THEN message_id END) AS delivered,
  count(DISTINCT CASE WHEN event_type = 'Bounce' AND bounce_type = 'Permanent' THEN message_id END) AS bounced_hard,
  count(DISTINCT CASE WHEN event_type = 'Bounce' AND bounce_type <> 'Permanent' THEN message_id END) AS bounced_soft,
  count(DISTINCT CASE WHEN event_type IN ('Reject', 'Rendering Failure') THEN message_id END) AS never_sent,
  count(DISTINCT CASE WHEN event_type = 'Complaint' THEN message_id END) AS complained,
  count(DISTINCT CASE WHEN event_type = 'Open' THEN message_id END) AS opened,
  count(DISTINCT CASE WHEN event_type = 'Open' AND bot_verdict = 'Unlikely' THEN message_id END) AS opened_by_people,
  count(DISTINCT CASE WHEN event_type = 'Click' THEN message_id END) AS clicked,
  count(DISTINCT CASE WHEN event_type = 'Click' AND bot_verdict = 'Unlikely' THEN message_id END) AS clicked_by_people
FROM email_events_unique
WHERE dt >= CAST(current_timestamp - INTERVAL '30' DAY AS date)
  AND sent_at >= CAST(CAST(current_timestamp - INTERVAL '30' DAY AS date) AS timestamp)
GROUP BY CAST(sent_at AS date), stream, coalesce(campaign, '(none)')
ORDER BY sent_day DESC, stream, sent DESC
