-- Who left, how, and after which campaign, per day (UTC)?
-- SES tells of contact lists and the unsubscribe header only: who joined is in your own database.
-- Cost: reads 31 days (dt); change '30' to look further back.
SELECT
  CAST(event_time AS date) AS left_day,
  stream,
  contact_list,
  subscription_source,
  coalesce(campaign, '(none)') AS campaign,
  count(DISTINCT CASE WHEN unsubscribed_all THEN message_id END) AS left_all_topics,
  count(DISTINCT CASE WHEN NOT coalesce(unsubscribed_all, false) THEN message_id END) AS changed_topics
FROM email_events_unique
WHERE dt >= CAST(current_timestamp - INTERVAL '30' DAY AS date)
  AND event_type = 'Subscription'
GROUP BY CAST(event_time AS date), stream, contact_list, subscription_source, coalesce(campaign, '(none)')
ORDER BY left_day DESC, left_all_topics DESC
