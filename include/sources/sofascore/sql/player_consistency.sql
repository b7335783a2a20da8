SELECT
    s.*, p.name AS player_name,
    deviation_of(s.rated_matches, s.ratings, s.rating_squares) AS rating_std,
    rating_std / s.rating AS cv,
    CASE
        WHEN cv < very_consistent_cv() THEN 'very_consistent'
        WHEN cv < consistent_cv() THEN 'consistent'
        WHEN cv < variable_cv() THEN 'variable'
        ELSE 'inconsistent'
    END AS consistency
FROM season_figures s
LEFT JOIN all_players p USING (player_id)
WHERE s.rated_matches >= consistency_matches() AND s.ratings > 0
