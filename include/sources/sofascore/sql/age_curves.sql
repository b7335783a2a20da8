WITH curves AS (
    SELECT
        position, age,
        count(DISTINCT player_id) AS players,
        count(*) AS appearances,
        coalesce(sum(minutes), 0) AS minutes,
        count(rating) AS rated_matches,
        average(rating) AS rating,
        count(DISTINCT if(rating IS NULL, NULL, player_id)) >= peak_players() AS is_candidate,
        per_90(sum(goals), sum(minutes)) AS goals_per_90,
        per_90(sum(assists), sum(minutes)) AS assists_per_90
    FROM player_matches
    WHERE position IS NOT NULL AND age IS NOT NULL
    GROUP BY position, age
)
SELECT
    *,
    is_candidate AND row_number() OVER (PARTITION BY position, is_candidate ORDER BY rating DESC NULLS LAST, age) = 1
        AS peak
FROM curves
