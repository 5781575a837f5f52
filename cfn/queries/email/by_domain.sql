-- How does each recipient domain treat our mails: delivered, bounced, delayed, complained, opened, how fast?
-- Gmail reports no complaints to SES: there 0 means not reported.
-- Cost: reads 31 days (dt); change '30' to look further back.
SELECT
  stream,
  recipient_domain,
  count(DISTINCT CASE WHEN event_type = 'Send' THEN message_id END) AS sent,
  count(DISTINCT CASE WHEN event_type = 'Delivery' THEN message_id END) AS delivered,
  count(DISTINCT CASE WHEN event_type = 'Bounce' THEN message_id END) AS bounced,
  round(100.0 * count(DISTINCT CASE WHEN event_type = 'Bounce' THEN message_id END)
    / nullif(count(DISTINCT CASE WHEN event_type = 'Send' THEN message_id END), 0), 2) AS bounced_percent,
  count(DISTINCT CASE WHEN event_type = 'DeliveryDelay' THEN message_id END) AS delayed,
  CASE WHEN recipient_domain IN ('gmail.com', 'googlemail.com') THEN NULL
    ELSE count(DISTINCT CASE WHEN event_type = 'Complaint' THEN message_id END) END AS complained,
  count(DISTINCT CASE WHEN event_type = 'Open' AND coalesce(bot_verdict, '') <> 'Likely' THEN message_id END) AS opened,
  round(avg(processing_millis) / 1000.0, 1) AS seconds_to_deliver
FROM email_events_unique
WHERE dt >= CAST(current_timestamp - INTERVAL '30' DAY AS date)
GROUP BY stream, recipient_domain
ORDER BY sent DESC, recipient_domain
LIMIT 200
