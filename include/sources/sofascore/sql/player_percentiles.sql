WITH ranks AS (
    SELECT
        competition_id, season_id, player_id,
        max(percentile) FILTER (metric = 'rating') AS rating_percentile,
        max(percentile) FILTER (metric = 'goals_per_90') AS goals_per_90_percentile,
        max(percentile) FILTER (metric = 'assists_per_90') AS assists_per_90_percentile,
        max(percentile) FILTER (metric = 'xg_per_90') AS xg_per_90_percentile,
        max(percentile) FILTER (metric = 'xa_per_90') AS xa_per_90_percentile,
        max(percentile) FILTER (metric = 'shots_per_90') AS shots_per_90_percentile,
        max(percentile) FILTER (metric = 'key_passes_per_90') AS key_passes_per_90_percentile,
        max(percentile) FILTER (metric = 'pass_accuracy') AS pass_accuracy_percentile,
        max(percentile) FILTER (metric = 'dribbles_won_per_90') AS dribbles_won_per_90_percentile,
        max(percentile) FILTER (metric = 'duel_success') AS duel_success_percentile,
        max(percentile) FILTER (metric = 'aerial_success') AS aerial_success_percentile,
        max(percentile) FILTER (metric = 'tackles_per_90') AS tackles_per_90_percentile,
        max(percentile) FILTER (metric = 'interceptions_per_90') AS interceptions_per_90_percentile,
        max(percentile) FILTER (metric = 'clearances_per_90') AS clearances_per_90_percentile,
        max(percentile) FILTER (metric = 'ball_recoveries_per_90') AS ball_recoveries_per_90_percentile,
        max(percentile) FILTER (metric = 'saves_per_90') AS saves_per_90_percentile
    FROM metric_percentiles
    GROUP BY competition_id, season_id, player_id
)
SELECT
    s.competition_id, s.season_id, s.player_id, s.season_year, s.player_name, s.team_id, s.team_name, s.position,
    s.minutes,
    count(*) OVER (PARTITION BY s.competition_id, s.season_id, s.position) AS players,
    r.* EXCLUDE (competition_id, season_id, player_id)
FROM new_player_seasons s
LEFT JOIN ranks r USING (competition_id, season_id, player_id)
WHERE s.sufficient AND s.position IS NOT NULL
