WITH shots AS (
    SELECT
        m.competition_id, m.season_id, s.team_id,
        count(*) AS shots,
        count(*) FILTER (s.situation IN ('corner', 'set-piece', 'free-kick', 'throw-in-set-piece')) AS set_piece_shots,
        count(*) FILTER (s.situation = 'fast-break') AS fast_break_shots
    FROM all_shots s
    JOIN played_matches m USING (match_id)
    -- An own goal stands in the shot map under the team that it counts for, which did not shoot.
    WHERE s.situation IS NOT NULL AND s.goal_type IS DISTINCT FROM 'own'
    GROUP BY m.competition_id, m.season_id, s.team_id
),
indices AS (
    SELECT
        competition_id, season_id, team_id,
        average(possession) AS possession,
        share(100 * (tackles + interceptions + fouls), opponent_passes) AS pressing,
        share(long_balls, passes) AS directness,
        share(100 * crosses, passes) AS width,
        share(aerial_duels, aerial_duels + ground_duels) AS aerial_play,
        share(100 * dribbles, passes) AS dribbling,
        average(box_touches) AS penetration,
        share(xg, shots) AS chance_quality,
        average(opponent_offsides) AS offside_line
    FROM team_matches
    GROUP BY competition_id, season_id, team_id
),
teams AS (
    SELECT
        t.competition_id, t.season_id, t.team_id, t.season_year, t.team_name, t.statistics_matches,
        i.* EXCLUDE (competition_id, season_id, team_id),
        rate(s.set_piece_shots, s.shots) AS set_pieces,
        rate(s.fast_break_shots, s.shots) AS counter_attacks,
        CAST(count(*) OVER (PARTITION BY t.competition_id, t.season_id) AS INTEGER) AS teams
    FROM new_team_seasons t
    JOIN indices i USING (competition_id, season_id, team_id)
    LEFT JOIN shots s USING (competition_id, season_id, team_id)
    WHERE t.statistics_matches > 0
),
ranks AS (
    SELECT
        competition_id, season_id, team_id, metric,
        percentile_rank(
            rank() OVER ascending,
            count(*) OVER ascending,
            count(*) OVER compared
        ) AS percentile
    FROM (
        UNPIVOT teams
        ON possession, pressing, directness, width, aerial_play, dribbling, penetration, chance_quality, offside_line,
            set_pieces, counter_attacks
        INTO NAME metric VALUE value
    )
    WINDOW
        compared AS (PARTITION BY competition_id, season_id, metric),
        ascending AS (PARTITION BY competition_id, season_id, metric ORDER BY value)
    QUALIFY count(*) OVER compared >= least_compared()
),
percentiles AS (
    SELECT
        competition_id, season_id, team_id,
        max(percentile) FILTER (metric = 'possession') AS possession_percentile,
        max(percentile) FILTER (metric = 'pressing') AS pressing_percentile,
        max(percentile) FILTER (metric = 'directness') AS directness_percentile,
        max(percentile) FILTER (metric = 'width') AS width_percentile,
        max(percentile) FILTER (metric = 'aerial_play') AS aerial_play_percentile,
        max(percentile) FILTER (metric = 'dribbling') AS dribbling_percentile,
        max(percentile) FILTER (metric = 'penetration') AS penetration_percentile,
        max(percentile) FILTER (metric = 'chance_quality') AS chance_quality_percentile,
        max(percentile) FILTER (metric = 'offside_line') AS offside_line_percentile,
        max(percentile) FILTER (metric = 'set_pieces') AS set_pieces_percentile,
        max(percentile) FILTER (metric = 'counter_attacks') AS counter_attacks_percentile
    FROM ranks
    GROUP BY competition_id, season_id, team_id
)
SELECT t.*, p.* EXCLUDE (competition_id, season_id, team_id)
FROM teams t
LEFT JOIN percentiles p USING (competition_id, season_id, team_id)
