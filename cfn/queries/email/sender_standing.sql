-- How close is each stream, day by day (UTC), to the bounces and complaints at which SES reviews (5 %, 0.1 %) or pauses (10 %, 0.5 %)?
-- Counted as SES counts: permanent bounces, without the mailbox simulator and what the suppression list stopped.
-- Cost: reads 31 days (dt); change '30' to look further back.
SELECT
  CAST(event_time AS date) AS day,
  stream,
  count_if(event_type = 'Send') AS sent,
  count_if(event_type = 'Bounce' AND bounce_type = 'Permanent'
    AND coalesce(bounce_subtype, '') <> 'OnAccountSuppressionList'
    AND coalesce(recipient_domain, '') <> 'simulator.amazonses.com') AS bounced,
  round(100.0 * count_if(event_type = 'Bounce' AND bounce_type = 'Permanent'
    AND coalesce(bounce_subtype, '') <> 'OnAccountSuppressionList'
    AND coalesce(recipient_domain, '') <> 'simulator.amazonses.com')
    / nullif(count_if(event_type = 'Send'), 0), 3) AS bounced_percent,
  count_if(event_type = 'Complaint' AND coalesce(complaint_subtype, '') <> 'OnAccountSuppressionList') AS complained,
  round(100.0 * count_if(event_type = 'Complaint' AND coalesce(complaint_subtype, '') <> 'OnAccountSuppressionList')
    / nullif(count_if(event_type = 'Send'), 0), 3) AS complained_percent
FROM email_events_unique
WHERE dt >= CAST(current_timestamp - INTERVAL '30' DAY AS date)
GROUP BY CAST(event_time AS date), stream
ORDER BY day DESC, stream
