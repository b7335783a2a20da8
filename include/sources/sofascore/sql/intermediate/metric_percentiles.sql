-- Every metric of every player with sufficient minutes, with his percentile rank among those of his position, where
-- enough of them have the metric.
WITH metrics AS (
    UNPIVOT (
        SELECT * FROM season_figures WHERE sufficient AND position IS NOT NULL
    )
    ON rating, goals_per_90, assists_per_90, xg_per_90, xa_per_90, shots_per_90, key_passes_per_90, pass_accuracy,
        dribbles_won_per_90, duel_success, aerial_success, tackles_per_90, interceptions_per_90, clearances_per_90,
        ball_recoveries_per_90, saves_per_90
    INTO NAME metric VALUE value
),
exact AS (
    SELECT * REPLACE (CAST(value AS DECIMAL(18, 8)) AS value) FROM metrics
)
SELECT
    competition_id, season_id, season_year, player_id, position, metric, value,
    percentile_rank(
        rank() OVER ascending,
        count(*) OVER ascending,
        count(*) OVER compared
    ) AS percentile
FROM exact
WINDOW
    compared AS (PARTITION BY competition_id, season_id, position, metric),
    ascending AS (PARTITION BY competition_id, season_id, position, metric ORDER BY value)
QUALIFY count(*) OVER compared >= least_compared()
