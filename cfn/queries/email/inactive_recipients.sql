-- Who got newsletters for 90 days and opened or clicked none of them?
-- Opens of bots do not count as life; those without a verdict do. Mails to several recipients tell nothing of any one of them.
-- Cost: reads 91 days (dt); change '90' for another span.
SELECT
  counted_recipients[1] AS recipient,
  count(DISTINCT CASE WHEN outcome = 'delivered' THEN message_id END) AS delivered,
  min(sent_at) AS first_sent,
  max(sent_at) AS last_sent
FROM email_events_unique
WHERE dt >= CAST(current_timestamp - INTERVAL '90' DAY AS date)
  AND stream = 'newsletter'
  AND outcome IN ('delivered', 'opened', 'clicked')
  AND cardinality(counted_recipients) = 1
GROUP BY counted_recipients[1]
HAVING count(DISTINCT CASE WHEN outcome = 'delivered' THEN message_id END) >= 3
  AND count(CASE WHEN reader <> 'bots' THEN 1 END) = 0
ORDER BY delivered DESC, recipient
LIMIT 1000
