-- Who got newsletters for 90 days and opened or clicked none of them?
-- Opens of bots do not count as life. Mails to several recipients tell nothing of any one of them.
-- Cost: reads 91 days (dt); change '90' for another span.
SELECT
  recipients[1] AS recipient,
  count(DISTINCT CASE WHEN event_type = 'Delivery' THEN message_id END) AS delivered,
  min(sent_at) AS first_sent,
  max(sent_at) AS last_sent
FROM email_events_unique
WHERE dt >= CAST(current_timestamp - INTERVAL '90' DAY AS date)
  AND stream = 'newsletter'
  AND event_type IN ('Delivery', 'Open', 'Click')
  AND cardinality(recipients) = 1
GROUP BY recipients[1]
HAVING count(DISTINCT CASE WHEN event_type = 'Delivery' THEN message_id END) >= 3
  AND count(CASE WHEN event_type IN ('Open', 'Click') AND coalesce(bot_verdict, '') <> 'Likely' THEN 1 END) = 0
ORDER BY delivered DESC, recipient
LIMIT 1000
