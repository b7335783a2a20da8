-- The rating around an age is the mean over the matches at that age and those some years away.
WITH curves AS (
    SELECT
        position, age,
        count(DISTINCT player_id) AS players,
        count(*) AS appearances,
        coalesce(sum(minutes), 0) AS minutes,
        count(rating) AS rated_matches,
        average(rating) AS rating,
        per_90_of(goals, minutes) AS goals_per_90,
        per_90_of(assists, minutes) AS assists_per_90
    FROM player_matches
    WHERE position IS NOT NULL AND age IS NOT NULL
    GROUP BY position, age
),
player_years AS (
    SELECT
        position, age, player_id, competition_id, season_id, sum(rating) AS ratings, count(rating) AS rated_matches
    FROM player_matches
    WHERE position IS NOT NULL AND age IS NOT NULL AND rating IS NOT NULL
    GROUP BY ALL
),
around AS (
    SELECT
        y.position, y.age + away.years AS age,
        count(DISTINCT (y.player_id, y.competition_id, y.season_id)) AS player_seasons_around,
        rate(sum(y.ratings), sum(y.rated_matches)) AS rating_around
    FROM player_years y
    CROSS JOIN (SELECT unnest(range(-peak_years(), peak_years() + 1)) AS years) away
    GROUP BY ALL
),
candidates AS (
    SELECT
        c.*, a.rating_around,
        coalesce(a.player_seasons_around, 0) AS player_seasons_around,
        c.rated_matches > 0 AND coalesce(a.player_seasons_around >= peak_player_seasons(), false) AS is_candidate
    FROM curves c
    LEFT JOIN around a USING (position, age)
)
SELECT
    *,
    is_candidate AND row_number() OVER (PARTITION BY position, is_candidate ORDER BY rating_around DESC, age) = 1 AS peak
FROM candidates
