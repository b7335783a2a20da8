WITH spreads AS (
    SELECT
        competition_id, season_id, player_id,
        any_value(season_year) AS season_year,
        sum(rated_matches) AS rated_matches,
        rate(sum(ratings), sum(rated_matches)) AS rating,
        deviation_of(sum(rated_matches), sum(ratings), sum(rating_squares)) AS rating_std,
        min(rating_min) AS rating_min,
        max(rating_max) AS rating_max
    FROM player_spells
    GROUP BY competition_id, season_id, player_id
    HAVING sum(rated_matches) >= consistency_matches() AND sum(ratings) > 0
)
SELECT
    s.*, p.name AS player_name,
    rate(s.rating_std, s.rating) AS cv,
    CASE
        WHEN cv < very_consistent_cv() THEN 'very_consistent'
        WHEN cv < consistent_cv() THEN 'consistent'
        WHEN cv < variable_cv() THEN 'variable'
        ELSE 'inconsistent'
    END AS consistency
FROM spreads s
LEFT JOIN all_players p USING (player_id)
