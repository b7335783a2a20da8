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
        sum(ratings) AS ratings,
        sum(COLUMNS(* EXCLUDE (
            competition_id, season_id, player_id, team_id, position, season_year, last_match_at, age, ratings,
            rating_squares, rating_min, rating_max
        )))
    FROM player_spells
    GROUP BY competition_id, season_id, player_id
)
SELECT
    t.competition_id, t.season_id, t.player_id, t.season_year, s.competition, s.season,
    p.name AS player_name, m.team_id, n.name AS team_name, m.teams, q.position, t.age,
    t.appearances, t.starts, t.covered_matches, t.minutes,
    t.minutes >= sufficient_season_minutes() AS sufficient,
    t.rated_matches, rate(t.ratings, t.rated_matches) AS rating,
    t.goals, t.assists, t.own_goals,
    t.xg_matches, t.xg_minutes, round(t.xg, 4) AS xg, round(t.xg_overperformance, 4) AS xg_overperformance,
    t.xa_minutes, round(t.xa, 4) AS xa,
    coalesce(c.yellow_cards, 0) AS yellow_cards,
    coalesce(c.second_yellow_cards, 0) AS second_yellow_cards,
    coalesce(c.red_cards, 0) AS red_cards,
    t.shots, t.shots_on_target, t.key_passes, t.passes,
    rate(t.accurate_passes, t.passes) AS pass_accuracy,
    rate(t.dribbles_won, t.dribbles) AS dribble_success,
    rate(t.duels_won, t.duels_won + t.duels_lost) AS duel_success,
    rate(t.aerial_duels_won, t.aerial_duels_won + t.aerial_duels_lost) AS aerial_success,
    rate(t.goals, t.shots) AS shot_conversion,
    per_90(t.goals, t.minutes) AS goals_per_90,
    per_90(t.assists, t.minutes) AS assists_per_90,
    per_90(t.xg, t.xg_minutes) AS xg_per_90,
    per_90(t.xa, t.xa_minutes) AS xa_per_90,
    per_90(t.shots, t.minutes) AS shots_per_90,
    per_90(t.key_passes, t.minutes) AS key_passes_per_90,
    per_90(t.dribbles_won, t.minutes) AS dribbles_won_per_90,
    per_90(t.tackles, t.minutes) AS tackles_per_90,
    per_90(t.interceptions, t.minutes) AS interceptions_per_90,
    per_90(t.clearances, t.minutes) AS clearances_per_90,
    per_90(t.ball_recoveries, t.minutes) AS ball_recoveries_per_90,
    if(q.position = 'G', per_90(t.saves, t.minutes), NULL) AS saves_per_90,
    round(t.goals_prevented, 4) AS goals_prevented,
    t.last_match_at
FROM totals t
JOIN main_team m USING (competition_id, season_id, player_id)
LEFT JOIN main_position q USING (competition_id, season_id, player_id)
LEFT JOIN player_cards c USING (competition_id, season_id, player_id)
LEFT JOIN all_competition_seasons s USING (competition_id, season_id)
LEFT JOIN all_players p ON p.player_id = t.player_id
LEFT JOIN all_teams n ON n.team_id = m.team_id
