-- One row per match with incidents. A manager's card names no player and is none of the team's.
WITH happened AS (
    SELECT
        match_id,
        count(*) FILTER (type = 'goal' AND side = 'home') AS home_goals,
        count(*) FILTER (type = 'goal' AND side = 'away') AS away_goals,
        count(*) FILTER (type = 'goal' AND class = 'ownGoal') AS own_goals
    FROM all_incidents
    GROUP BY match_id
),
booked AS (
    SELECT
        match_id,
        count(*) FILTER (is_yellow AND side = 'home') AS home_yellow_cards,
        count(*) FILTER (is_yellow AND side = 'away') AS away_yellow_cards,
        count(*) FILTER (is_sending_off AND side = 'home') AS home_red_cards,
        count(*) FILTER (is_sending_off AND side = 'away') AS away_red_cards
    FROM cards
    GROUP BY match_id
)
SELECT h.*, coalesce(COLUMNS(b.* EXCLUDE (match_id)), 0)
FROM happened h
LEFT JOIN booked b USING (match_id)
