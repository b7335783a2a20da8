WITH awarded AS (
    SELECT
        competition_id, season_id, season_year,
        unnest([home_team_id, away_team_id]) AS team_id,
        unnest([winner = 'home', winner = 'away']) AS walkover_won
    FROM all_matches
    WHERE state = 'walkover' AND winner IN ('home', 'away')
),
rows_of_teams AS (
    SELECT
        *,
        xg IS NOT NULL AND opponent_xg IS NOT NULL AS has_xg,
        first_half_for IS NOT NULL AND first_half_against IS NOT NULL
            AND second_half_for IS NOT NULL AND second_half_against IS NOT NULL AS has_halves
    FROM team_matches
    UNION ALL BY NAME
    SELECT * FROM awarded
),
teams AS (
    SELECT
        competition_id, season_id, team_id,
        any_value(season_year) AS season_year,
        count(match_id) AS matches,
        count(*) FILTER (points = 3) AS wins,
        count(*) FILTER (points = 1) AS draws,
        count(*) FILTER (points = 0) AS losses,
        coalesce(sum(points), 0) AS points,
        coalesce(sum(goals_for), 0) AS goals_for,
        coalesce(sum(goals_against), 0) AS goals_against,
        coalesce(sum(goals_for - goals_against), 0) AS goal_difference,
        average(points) AS points_per_match,
        count(*) FILTER (side = 'home') AS home_matches,
        count(*) FILTER (side = 'home' AND points = 3) AS home_wins,
        count(*) FILTER (side = 'home' AND points = 1) AS home_draws,
        count(*) FILTER (side = 'home' AND points = 0) AS home_losses,
        coalesce(sum(points) FILTER (side = 'home'), 0) AS home_points,
        coalesce(sum(goals_for) FILTER (side = 'home'), 0) AS home_goals_for,
        coalesce(sum(goals_against) FILTER (side = 'home'), 0) AS home_goals_against,
        count(*) FILTER (side = 'away') AS away_matches,
        count(*) FILTER (side = 'away' AND points = 3) AS away_wins,
        count(*) FILTER (side = 'away' AND points = 1) AS away_draws,
        count(*) FILTER (side = 'away' AND points = 0) AS away_losses,
        coalesce(sum(points) FILTER (side = 'away'), 0) AS away_points,
        coalesce(sum(goals_for) FILTER (side = 'away'), 0) AS away_goals_for,
        coalesce(sum(goals_against) FILTER (side = 'away'), 0) AS away_goals_against,
        count(*) FILTER (walkover_won) AS walkovers_won,
        count(*) FILTER (NOT walkover_won) AS walkovers_lost,
        count(*) FILTER (goals_against = 0) AS clean_sheets,
        count(*) FILTER (goals_for = 0) AS failed_to_score,
        count(*) FILTER (has_halves) AS half_matches,
        sum(first_half_for) FILTER (has_halves) AS first_half_goals_for,
        sum(first_half_against) FILTER (has_halves) AS first_half_goals_against,
        sum(second_half_for) FILTER (has_halves) AS second_half_goals_for,
        sum(second_half_against) FILTER (has_halves) AS second_half_goals_against,
        count(*) FILTER (has_xg) AS xg_matches,
        sum(xg) FILTER (has_xg) AS xg_for,
        sum(opponent_xg) FILTER (has_xg) AS xg_against,
        average(if(has_xg, xg, NULL)) AS xg_for_per_match,
        average(if(has_xg, opponent_xg, NULL)) AS xg_against_per_match,
        sum(goals_for - xg) FILTER (has_xg) AS xg_overperformance,
        count(*) FILTER (has_statistics) AS statistics_matches,
        average(possession) AS possession,
        average(passes) AS passes_per_match,
        share(accurate_passes, passes) AS pass_accuracy,
        average(shots) AS shots_per_match,
        average(shots_on_target) AS shots_on_target_per_match,
        share(shots_on_target, shots) AS shot_accuracy,
        average(opponent_shots) AS shots_against_per_match,
        average(opponent_shots_on_target) AS shots_on_target_against_per_match,
        average(big_chances) AS big_chances_per_match,
        average(corners) AS corners_per_match,
        average(fouls) AS fouls_per_match,
        average(offsides) AS offsides_per_match,
        average(tackles) AS tackles_per_match,
        average(interceptions) AS interceptions_per_match,
        average(saves) AS saves_per_match,
        count(*) FILTER (has_incidents) AS incident_matches,
        sum(yellow_cards) AS yellow_cards,
        sum(red_cards) AS red_cards,
        count(*) FILTER (shootout_won) AS shootouts_won,
        count(*) FILTER (shootout_lost) AS shootouts_lost,
        average(if(side = 'home', attendance, NULL)) AS home_attendance,
        max(kickoff_at) AS last_match_at
    FROM rows_of_teams
    GROUP BY competition_id, season_id, team_id
)
SELECT t.*, s.competition, s.season, n.name AS team_name
FROM teams t
LEFT JOIN all_competition_seasons s USING (competition_id, season_id)
LEFT JOIN all_teams n USING (team_id)
