-- How many different people does each stream reach each week (UTC, from Monday), how many of them engage, and is that growing?
-- Engaged are those who opened or clicked without being a bot; only mails to one recipient tell who it was.
-- Cost: reads 12 weeks (dt); change '84' to look further back. The first and the present week are not whole.
WITH people AS (
  SELECT
    stream,
    date_trunc('week', event_time) AS week,
    recipient,
    max(CASE WHEN event_type = 'Delivery' THEN 1 ELSE 0 END) AS was_reached,
    max(CASE WHEN event_type IN ('Open', 'Click') AND coalesce(bot_verdict, '') <> 'Likely'
      AND cardinality(recipients) = 1 THEN 1 ELSE 0 END) AS was_engaged
  FROM email_events_unique
  CROSS JOIN UNNEST(recipients) AS each_one (recipient)
  WHERE dt >= CAST(current_timestamp - INTERVAL '84' DAY AS date)
    AND event_type IN ('Delivery', 'Open', 'Click')
  GROUP BY stream, date_trunc('week', event_time), recipient
),
weeks AS (
  SELECT stream, week, sum(was_reached) AS reached, sum(was_engaged) AS engaged
  FROM people
  GROUP BY stream, week
)
SELECT
  stream,
  CAST(week AS date) AS week,
  reached,
  round(100.0 * (reached - lag(reached) OVER (PARTITION BY stream ORDER BY week))
    / nullif(lag(reached) OVER (PARTITION BY stream ORDER BY week), 0), 1) AS reached_growth_percent,
  engaged,
  round(100.0 * (engaged - lag(engaged) OVER (PARTITION BY stream ORDER BY week))
    / nullif(lag(engaged) OVER (PARTITION BY stream ORDER BY week), 0), 1) AS engaged_growth_percent
FROM weeks
ORDER BY stream, week DESC
