WITH years AS (
    SELECT
        player_id, season_year,
        sum(minutes) AS minutes,
        rate(sum(ratings), sum(rated_matches)) AS rating,
        per_90(sum(goals), sum(goals_minutes)) AS goals_per_90,
        per_90(sum(assists), sum(assists_minutes)) AS assists_per_90,
        per_90(sum(xg), sum(xg_minutes)) AS xg_per_90
    FROM season_figures
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
    t.*, p.name AS player_name,
    rating - rating_before AS rating_change,
    goals_per_90 - goals_per_90_before AS goals_per_90_change,
    assists_per_90 - assists_per_90_before AS assists_per_90_change,
    xg_per_90 - xg_per_90_before AS xg_per_90_change,
    CASE change(rating, rating_before) WHEN 1 THEN 'improved' WHEN -1 THEN 'declined' WHEN 0 THEN 'stable' END
        AS progression
FROM pairs t
LEFT JOIN all_players p USING (player_id)
WHERE season_year_before IS NOT NULL
