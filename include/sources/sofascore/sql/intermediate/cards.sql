-- One row per card of a player: whether it counts as a yellow one, and whether it sent him off. A card that was taken
-- back is none. But who had left the pitch by then was sent off: his minutes end where he got it. In the added time of
-- a half minutes do not tell, and of a substitute without the minute at which he came in neither: then he left.
WITH came_in AS (
    SELECT match_id, player_id, min(minute) AS minute
    FROM all_incidents
    WHERE type = 'substitution' AND player_id IS NOT NULL
    GROUP BY match_id, player_id
)
SELECT
    i.match_id, i.side, i.player_id, i.class,
    is_yellow(i.type, i.class) AND i.rescinded IS NOT TRUE AS is_yellow,
    is_sending_off(i.type, i.class) AND (
        i.rescinded IS NOT TRUE
        OR a.minutes_played > 0 AND i.minute >= 0
            AND coalesce(if(a.started, 0, c.minute) + a.minutes_played <= i.minute + coalesce(i.added_minute, 0) + 1, true)
    ) AS is_sending_off
FROM all_incidents i
LEFT JOIN all_appearances a ON a.match_id = i.match_id AND a.player_id = i.player_id
LEFT JOIN came_in c ON c.match_id = i.match_id AND c.player_id = i.player_id
WHERE i.type = 'card' AND i.player_id IS NOT NULL
