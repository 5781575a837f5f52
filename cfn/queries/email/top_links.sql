-- Which links do people click most, apart from unsubscribing?
-- Links are shown without what stands behind ? and #, which may tell who clicked.
-- Cost: reads 31 days (dt); change '30' to look further back.
SELECT
  stream,
  coalesce(campaign, '(none)') AS campaign,
  regexp_replace(link, '[?#].*', '') AS link,
  count(*) AS clicks,
  count(DISTINCT message_id) AS clickers,
  count(DISTINCT CASE WHEN bot_verdict = 'Unlikely' THEN message_id END) AS clickers_people,
  count(DISTINCT CASE WHEN bot_verdict = 'Likely' THEN message_id END) AS clickers_bots
FROM email_events_unique
WHERE dt >= CAST(current_timestamp - INTERVAL '30' DAY AS date)
  AND event_type = 'Click'
  AND lower(link) NOT LIKE '%unsubscribe%'
GROUP BY stream, coalesce(campaign, '(none)'), regexp_replace(link, '[?#].*', '')
ORDER BY clickers DESC, clicks DESC, link
LIMIT 100
