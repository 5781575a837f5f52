-- What share of the delivered mails of each campaign was opened and clicked: by anybody, by people, by bots?
-- People and bots are SES's verdict (isBotEvent, since August 2026). Where it gave none, people are NULL: at least and at most so many.
-- Shares that events are missing for are NULL. Of a mail to several people SES does not say who opened it: it counts once.
-- Cost: reads 61 days (dt) for mails of 60, because SES reports opens for up to 60 days; change both '60' for less.
WITH mails AS (
  SELECT
    stream,
    message_id,
    coalesce(max(campaign), '(none)') AS campaign,
    count(DISTINCT CASE WHEN outcome = 'delivered' THEN recipient END) AS delivered,
    max(CASE WHEN outcome = 'opened' THEN 1 ELSE 0 END) AS opened,
    max(CASE WHEN outcome = 'opened' AND reader = 'people' THEN 1 ELSE 0 END) AS opened_at_least,
    max(CASE WHEN outcome = 'opened' AND reader <> 'bots' THEN 1 ELSE 0 END) AS opened_at_most,
    max(CASE WHEN outcome = 'opened' AND reader = 'bots' THEN 1 ELSE 0 END) AS opened_by_bots,
    max(CASE WHEN outcome = 'clicked' THEN 1 ELSE 0 END) AS clicked,
    max(CASE WHEN outcome = 'clicked' AND reader = 'people' THEN 1 ELSE 0 END) AS clicked_at_least,
    max(CASE WHEN outcome = 'clicked' AND reader <> 'bots' THEN 1 ELSE 0 END) AS clicked_at_most,
    max(CASE WHEN outcome = 'clicked' AND reader = 'bots' THEN 1 ELSE 0 END) AS clicked_by_bots,
    max(CASE WHEN reader = 'unknown' THEN 1 ELSE 0 END) AS without_verdict
  FROM email_events_unique
  CROSS JOIN UNNEST(counted_recipients) AS one (recipient)
  WHERE dt >= CAST(current_timestamp - INTERVAL '60' DAY AS date)
    AND sent_at >= CAST(CAST(current_timestamp - INTERVAL '60' DAY AS date) + INTERVAL '1' DAY AS timestamp)
  GROUP BY stream, message_id
),
campaigns AS (
  SELECT
    stream,
    campaign,
    sum(delivered) AS delivered,
    sum(opened) AS opened,
    sum(opened_at_least) AS opened_at_least,
    sum(opened_at_most) AS opened_at_most,
    sum(opened_by_bots) AS opened_by_bots,
    sum(clicked) AS clicked,
    sum(clicked_at_least) AS clicked_at_least,
    sum(clicked_at_most) AS clicked_at_most,
    sum(clicked_by_bots) AS clicked_by_bots,
    sum(without_verdict) AS without_verdict
  FROM mails
  GROUP BY stream, campaign
)
SELECT
  stream,
  campaign,
  delivered,
  CASE WHEN opened <= delivered THEN round(100.0 * opened / nullif(delivered, 0), 2) END AS open_percent,
  CASE WHEN opened_at_least = opened_at_most AND opened_at_least <= delivered
    THEN round(100.0 * opened_at_least / nullif(delivered, 0), 2) END AS open_percent_people,
  CASE WHEN opened_at_least <= delivered THEN round(100.0 * opened_at_least / nullif(delivered, 0), 2) END AS open_percent_people_at_least,
  CASE WHEN opened_at_most <= delivered THEN round(100.0 * opened_at_most / nullif(delivered, 0), 2) END AS open_percent_people_at_most,
  CASE WHEN opened_by_bots <= delivered THEN round(100.0 * opened_by_bots / nullif(delivered, 0), 2) END AS open_percent_bots_at_least,
  CASE WHEN clicked <= delivered THEN round(100.0 * clicked / nullif(delivered, 0), 2) END AS click_percent,
  CASE WHEN clicked_at_least = clicked_at_most AND clicked_at_least <= delivered
    THEN round(100.0 * clicked_at_least / nullif(delivered, 0), 2) END AS click_percent_people,
  CASE WHEN clicked_at_least <= delivered THEN round(100.0 * clicked_at_least / nullif(delivered, 0), 2) END AS click_percent_people_at_least,
  CASE WHEN clicked_at_most <= delivered THEN round(100.0 * clicked_at_most / nullif(delivered, 0), 2) END AS click_percent_people_at_most,
  CASE WHEN clicked_by_bots <= delivered THEN round(100.0 * clicked_by_bots / nullif(delivered, 0), 2) END AS click_percent_bots_at_least,
  CASE WHEN clicked <= opened THEN round(100.0 * clicked / nullif(opened, 0), 2) END AS click_to_open_percent,
  without_verdict
FROM campaigns
ORDER BY delivered DESC, campaign
