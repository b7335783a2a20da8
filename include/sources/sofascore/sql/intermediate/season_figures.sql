-- Each player's season before its figures are rounded: what is computed from seasons is computed from these.
WITH main_team AS (
    SELECT
        competition_id, season_id, player_id, count(*) AS teams,
        first(team_id ORDER BY minutes DESC, appearances DESC, team_id) AS team_id
    FROM (
        SELECT competition_id, season_id, player_id, team_id, sum(minutes) AS minutes, sum(appearances) AS appearances
        FROM player_spells
        GROUP BY competition_id, season_id, player_id, team_id
    )
    GROUP BY competition_id, season_id, player_id
),
main_position AS (
    SELECT
        competition_id, season_id, player_id,
        first(position ORDER BY minutes DESC, appearances DESC, position) AS position
    FROM (
        SELECT competition_id, season_id, player_id, position, sum(minutes) AS minutes, sum(appearances) AS appearances
        FROM player_spells
        WHERE position IS NOT NULL
        GROUP BY competition_id, season_id, player_id, position
    )
    GROUP BY competition_id, season_id, player_id
),
totals AS (
    SELECT
        competition_id, season_id, player_id,
        any_value(season_year) AS season_year,
        max(last_match_at) AS last_match_at,
        max(age) AS age,
        min(rating_min) AS rating_min,
        max(rating_max) AS rating_max,
        sum(ratings) AS ratings,
        sum(rating_squares) AS rating_squares,
        sum(COLUMNS(* EXCLUDE (
            competition_id, season_id, player_id, team_id, position, season_year, last_match_at, age, rating_min,
            rating_max, ratings, rating_squares
        )))
    FROM player_spells
    GROUP BY competition_id, season_id, player_id
)
SELECT
    t.*, m.team_id, m.teams, q.position,
    t.minutes >= sufficient_season_minutes() AS sufficient,
    rate(t.ratings, t.rated_matches) AS rating,
    rate(t.passes_arrived, t.passes_judged) AS pass_accuracy,
    rate(t.dribbles_succeeded, t.dribbles_judged) AS dribble_success,
    rate(t.duels_won, t.duels) AS duel_success,
    rate(t.aerial_duels_won, t.aerial_duels) AS aerial_success,
    rate(t.shots_scored, t.shots_judged) AS shot_conversion,
    per_90(t.goals, t.goals_minutes) AS goals_per_90,
    per_90(t.assists, t.assists_minutes) AS assists_per_90,
    per_90(t.xg, t.xg_minutes) AS xg_per_90,
    per_90(t.xa, t.xa_minutes) AS xa_per_90,
    per_90(t.shots, t.shots_minutes) AS shots_per_90,
    per_90(t.key_passes, t.key_passes_minutes) AS key_passes_per_90,
    per_90(t.dribbles_won, t.dribbles_won_minutes) AS dribbles_won_per_90,
    per_90(t.tackles, t.tackles_minutes) AS tackles_per_90,
    per_90(t.interceptions, t.interceptions_minutes) AS interceptions_per_90,
    per_90(t.clearances, t.clearances_minutes) AS clearances_per_90,
    per_90(t.ball_recoveries, t.ball_recoveries_minutes) AS ball_recoveries_per_90,
    if(q.position = 'G', per_90(t.saves, t.saves_minutes), NULL) AS saves_per_90,
    list_filter([
        if(t.goals_minutes < t.minutes, 'goals', NULL),
        if(t.assists_minutes < t.minutes, 'assists', NULL),
        if(t.own_goals_minutes < t.minutes, 'own_goals', NULL),
        if(t.shots_minutes < t.minutes, 'shots', NULL),
        if(t.shots_on_target_minutes < t.minutes, 'shots_on_target', NULL),
        if(t.key_passes_minutes < t.minutes, 'key_passes', NULL),
        if(t.passes_minutes < t.minutes, 'passes', NULL),
        if(t.dribbles_won_minutes < t.minutes, 'dribbles_won', NULL),
        if(t.tackles_minutes < t.minutes, 'tackles', NULL),
        if(t.interceptions_minutes < t.minutes, 'interceptions', NULL),
        if(t.clearances_minutes < t.minutes, 'clearances', NULL),
        if(t.ball_recoveries_minutes < t.minutes, 'ball_recoveries', NULL),
        if(q.position = 'G' AND t.saves_minutes < t.minutes, 'saves', NULL)
    ], lambda each: each IS NOT NULL) AS partly_known
FROM totals t
JOIN main_team m USING (competition_id, season_id, player_id)
LEFT JOIN main_position q USING (competition_id, season_id, player_id)
