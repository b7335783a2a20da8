WITH years AS (
    SELECT
        player_id, season_year,
        any_value(player_name) AS player_name,
        sum(minutes) AS minutes,
        rate(sum(exact(rating) * rated_matches), sum(rated_matches)) AS rating,
        per_90(sum(goals), sum(minutes)) AS goals_per_90,
        per_90(sum(assists), sum(minutes)) AS assists_per_90,
        per_90(sum(exact(xg)), sum(xg_minutes)) AS xg_per_90
    FROM new_player_seasons
    GROUP BY player_id, season_year
    HAVING sum(minutes) >= sufficient_season_minutes()
),
pairs AS (
    SELECT
        *,
        lag(season_year) OVER earlier AS season_year_before,
        lag(minutes) OVER earlier AS minutes_before,
        lag(rating) OVER earlier AS rating_before,
        lag(goals_per_90) OVER earlier AS goals_per_90_before,
        lag(assists_per_90) OVER earlier AS assists_per_90_before,
        lag(xg_per_90) OVER earlier AS xg_per_90_before
    FROM years
    WINDOW earlier AS (PARTITION BY player_id ORDER BY season_year)
)
SELECT
    *,
    round(rating - rating_before, 4) AS rating_change,
    round(goals_per_90 - goals_per_90_before, 4) AS goals_per_90_change,
    round(assists_per_90 - assists_per_90_before, 4) AS assists_per_90_change,
    round(xg_per_90 - xg_per_90_before, 4) AS xg_per_90_change,
    CASE change(rating, rating_before) WHEN 1 THEN 'improved' WHEN -1 THEN 'declined' WHEN 0 THEN 'stable' END
        AS progression
FROM pairs
WHERE season_year_before IS NOT NULL
