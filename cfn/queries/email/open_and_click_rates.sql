-- What share of the delivered mails of each campaign was opened and clicked: by anybody, by people, by bots?
-- People and bots are SES's verdict (isBotEvent, since August 2026); what has no verdict counts as neither, and is shown.
-- Cost: reads 61 days (dt), because SES reports opens for up to 60 days; change '60' for less.
SELECT
  stream,
  coalesce(campaign, '(none)') AS campaign,
  count(DISTINCT CASE WHEN event_type = 'Delivery' THEN message_id END) AS delivered,
  round(100.0 * count(DISTINCT CASE WHEN event_type = 'Open' THEN message_id END)
    / nullif(count(DISTINCT CASE WHEN event_type = 'Delivery' THEN message_id END), 0), 2) AS open_percent,
  round(100.0 * count(DISTINCT CASE WHEN event_type = 'Open' AND bot_verdict = 'Unlikely' THEN message_id END)
    / nullif(count(DISTINCT CASE WHEN event_type = 'Delivery' THEN message_id END), 0), 2) AS open_percent_people,
  round(100.0 * count(DISTINCT CASE WHEN event_type = 'Open' AND bot_verdict = 'Likely' THEN message_id END)
    / nullif(count(DISTINCT CASE WHEN event_type = 'Delivery' THEN message_id END), 0), 2) AS open_percent_bots,
  round(100.0 * count(DISTINCT CASE WHEN event_type = 'Click' THEN message_id END)
    / nullif(count(DISTINCT CASE WHEN event_type = 'Delivery' THEN message_id END), 0), 2) AS click_percent,
  round(100.0 * count(DISTINCT CASE WHEN event_type = 'Click' AND bot_verdict = 'Unlikely' THEN message_id END)
    / nullif(count(DISTINCT CASE WHEN event_type = 'Delivery' THEN message_id END), 0), 2) AS click_percent_people,
  round(100.0 * count(DISTINCT CASE WHEN event_type = 'Click' AND bot_verdict = 'Likely' THEN message_id END)
    / nullif(count(DISTINCT CASE WHEN event_type = 'Delivery' THEN message_id END), 0), 2) AS click_percent_bots,
  round(100.0 * count(DISTINCT CASE WHEN event_type = 'Click' THEN message_id END)
    / nullif(count(DISTINCT CASE WHEN event_type = 'Open' THEN message_id END), 0), 2) AS click_to_open_percent,
  count(DISTINCT CASE WHEN event_type IN ('Open', 'Click') AND bot_verdict IS NULL THEN message_id END) AS without_verdict
FROM email_events_unique
WHERE dt >= CAST(current_timestamp - INTERVAL '60' DAY AS date)
GROUP BY stream, coalesce(campaign, '(none)')
ORDER BY delivered DESC
