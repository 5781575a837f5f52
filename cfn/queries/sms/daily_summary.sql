-- How did each of the last 30 days (UTC) go: volume, outcomes, whose fault, people and price?
-- Cost: reads 31 days (dt); change '30' to look further back.
SELECT
  dt AS day,
  count(*) AS total,
  count_if(outcome = 'delivered') AS delivered,
  count_if(outcome = 'failed') AS failed,
  count_if(outcome = 'pending') AS pending,
  count_if(outcome = 'unknown') AS unknown,
  round(100.0 * count_if(outcome = 'failed') / count(*), 2) AS failed_percent,
  count_if(outcome = 'failed' AND fault = 'recipient') AS failed_recipient,
  count_if(outcome = 'failed' AND fault = 'carrier') AS failed_carrier,
  count_if(outcome = 'failed' AND fault = 'provider') AS failed_provider,
  count_if(outcome = 'failed' AND fault = 'content') AS failed_content,
  count_if(outcome = 'failed' AND fault = 'account') AS failed_account,
  count(DISTINCT CASE WHEN outcome = 'failed' THEN recipient_hash END) AS recipients_with_failures,
  sum(message_parts) AS parts,
  sum(message_price) AS price
FROM sms_messages
WHERE dt >= date_format(current_timestamp - INTERVAL '30' DAY, '%Y-%m-%d')
  AND outcome <> 'excluded'
GROUP BY dt
ORDER BY day DESC
