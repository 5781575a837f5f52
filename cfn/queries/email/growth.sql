-- How many different people does each stream reach with the mails of each week (UTC, from Monday), how many of them engage, and is that growing?
-- Engaged are those who opened or clicked and are no bot: at least, and at most where SES gave no verdict; only mails to one recipient tell who.
-- Cost: reads 12 weeks (dt); change both '84' to look further back. The first and the present week are not whole.
WITH people AS (
  SELECT
    stream,
    date_trunc('week', sent_at) AS week,
    recipient,
    max(CASE WHEN outcome = 'delivered' THEN 1 ELSE 0 END) AS was_reached,
    max(CASE WHEN reader = 'people' AND cardinality(counted_recipients) = 1 THEN 1 ELSE 0 END) AS was_engaged,
    max(CASE WHEN reader <> 'bots' AND cardinality(counted_recipients) = 1 THEN 1 ELSE 0 END) AS may_be_engaged
  FROM email_events_unique
  CROSS JOIN UNNEST(counted_recipients) AS one (recipient)
  WHERE dt >= CAST(current_timestamp - INTERVAL '84' DAY AS date)
    AND sent_at >= CAST(CAST(current_timestamp - INTERVAL '84' DAY AS date) + INTERVAL '1' DAY AS timestamp)
  GROUP BY stream, date_trunc('week', sent_at), recipient
),
weeks AS (
  SELECT stream, week, sum(was_reached) AS reached, sum(was_engaged) AS at_least, sum(may_be_engaged) AS at_most
  FROM people
  GROUP BY stream, week
),
pairs AS (
  SELECT
    weeks.*,
    CASE WHEN weeks.at_least = weeks.at_most THEN weeks.at_least END AS engaged,
    previous.reached AS reached_before,
    CASE WHEN previous.at_least = previous.at_most THEN previous.at_least END AS engaged_before
  FROM weeks
  LEFT JOIN weeks AS previous ON previous.stream = weeks.stream AND previous.week = weeks.week - INTERVAL '7' DAY
)
SELECT
  stream,
  CAST(week AS date) AS week,
  reached,
  round(100.0 * (reached - reached_before) / nullif(reached_before, 0), 1) AS reached_growth_percent,
  engaged,
  at_least AS engaged_at_least,
  at_most AS engaged_at_most,
  round(100.0 * (engaged - engaged_before) / nullif(engaged_before, 0), 1) AS engaged_growth_percent
FROM pairs
ORDER BY stream, week DESC
