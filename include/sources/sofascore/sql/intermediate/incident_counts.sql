-- One row per match with incidents. A manager's card names no player and is none of the team's; one taken back is none.
SELECT
    match_id,
    count(*) FILTER (type = 'goal' AND side = 'home') AS home_goals,
    count(*) FILTER (type = 'goal' AND side = 'away') AS away_goals,
    count(*) FILTER (player_id IS NOT NULL AND is_yellow(type, class) AND side = 'home') AS home_yellow_cards,
    count(*) FILTER (player_id IS NOT NULL AND is_yellow(type, class) AND side = 'away') AS away_yellow_cards,
    count(*) FILTER (player_id IS NOT NULL AND is_sending_off(type, class) AND side = 'home') AS home_red_cards,
    count(*) FILTER (player_id IS NOT NULL AND is_sending_off(type, class) AND side = 'away') AS away_red_cards
FROM all_incidents
WHERE type <> 'card' OR rescinded IS NOT TRUE
GROUP BY match_id
