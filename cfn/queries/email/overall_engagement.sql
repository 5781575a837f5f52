-- What can we say to an advertiser: how many people does each stream reach, and what share of its mails do they open and click?
-- By people: at least and at most, where SES gave no verdict on bots. Shares that events are missing for are NULL.
-- Of a mail to several people SES does not say who opened it: it counts once.
-- Cost: reads 31 days (dt) for mails of 30; change every '30' for a longer time.
WITH mails AS (
  SELECT
    stream,
    message_id,
    count(DISTINCT CASE WHEN outcome = 'delivered' THEN recipient END) AS delivered,
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
),
reached AS (
  SELECT stream, count(DISTINCT recipient) AS people
  FROM email_events_unique
  CROSS JOIN UNNEST(counted_recipients) AS one (recipient)
  WHERE dt >= CAST(current_timestamp - INTERVAL '30' DAY AS date)
    AND sent_at >= CAST(CAST(current_timestamp - INTERVAL '30' DAY AS date) + INTERVAL '1' DAY AS timestamp)
    AND outcome = 'delivered'
  GROUP BY stream
),
streams AS (
  SELECT
    stream,
    sum(delivered) AS delivered,
    sum(opened) AS opened,
    sum(opened_at_least) AS opened_at_least,
    sum(opened_at_most) AS opened_at_most,
    sum(clicked) AS clicked,
    sum(clicked_at_least) AS clicked_at_least,
    sum(clicked_at_most) AS clicked_at_most
  FROM mails
  GROUP BY stream
)
SELECT
  streams.stream,
  coalesce(people, 0) AS people_reached,
  delivered,
  CASE WHEN opened <= delivered THEN round(100.0 * opened / nullif(delivered, 0), 2) END AS open_percent,
  CASE WHEN opened_at_least <= delivered THEN round(100.0 * opened_at_least / nullif(delivered, 0), 2) END AS open_percent_people_at_least,
  CASE WHEN opened_at_most <= delivered THEN round(100.0 * opened_at_most / nullif(delivered, 0), 2) END AS open_percent_people_at_most,
  CASE WHEN clicked <= delivered THEN round(100.0 * clicked / nullif(delivered, 0), 2) END AS click_percent,
  CASE WHEN clicked_at_least <= delivered THEN round(100.0 * clicked_at_least / nullif(delivered, 0), 2) END AS click_percent_people_at_least,
  CASE WHEN clicked_at_most <= delivered THEN round(100.0 * clicked_at_most / nullif(delivered, 0), 2) END AS click_percent_people_at_most,
  CASE WHEN clicked <= opened THEN round(100.0 * clicked / nullif(opened, 0), 2) END AS click_to_open_percent
FROM streams
LEFT JOIN reached ON reached.stream = streams.stream
ORDER BY delivered DESC, stream
