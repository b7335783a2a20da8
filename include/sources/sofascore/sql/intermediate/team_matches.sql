-- One row per team and played match. Fractions are decimals: their sums do not depend on the order of rows.
WITH sides AS (
    SELECT
        match_id, 'home' AS side, home_team_id AS team_id, away_team_id AS opponent_id,
        home_goals AS goals_for, away_goals AS goals_against
    FROM played_matches
    UNION ALL
    SELECT match_id, 'away', away_team_id, home_team_id, away_goals, home_goals FROM played_matches
),
statistics AS (
    SELECT
        match_id, side, CAST(possession AS DECIMAL(18, 4)) AS possession, CAST(expected_goals AS DECIMAL(12, 6)) AS xg,
        big_chances, shots, shots_on_target, saves, corners, fouls, offsides, passes, accurate_passes, tackles,
        interceptions, box_touches, long_balls, crosses, ground_duels, aerial_duels, dribbles
    FROM all_match_statistics
    WHERE period = 'ALL'
)
SELECT
    s.*, m.competition_id, m.season_id, m.season_year, m.kickoff_at,
    CASE WHEN s.goals_for > s.goals_against THEN 3 WHEN s.goals_for = s.goals_against THEN 1 ELSE 0 END AS points,
    if(s.side = 'home', a.home_goals_period1, a.away_goals_period1) AS first_half_for,
    if(s.side = 'home', a.away_goals_period1, a.home_goals_period1) AS first_half_against,
    if(s.side = 'home', a.home_goals_period2, a.away_goals_period2) AS second_half_for,
    if(s.side = 'home', a.away_goals_period2, a.home_goals_period2) AS second_half_against,
    m.decided_by = 'penalties' AND a.winner = s.side AS shootout_won,
    m.decided_by = 'penalties' AND a.winner NOT IN (s.side, 'draw') AS shootout_lost,
    a.attendance,
    own.match_id IS NOT NULL AS has_statistics,
    own.* EXCLUDE (match_id, side),
    other.xg AS opponent_xg, other.shots AS opponent_shots, other.shots_on_target AS opponent_shots_on_target,
    other.passes AS opponent_passes, other.offsides AS opponent_offsides,
    i.match_id IS NOT NULL AS has_incidents,
    if(s.side = 'home', i.home_yellow_cards, i.away_yellow_cards) AS yellow_cards,
    if(s.side = 'home', i.home_red_cards, i.away_red_cards) AS red_cards
FROM sides s
JOIN played_matches m USING (match_id)
JOIN all_matches a USING (match_id)
LEFT JOIN statistics own ON own.match_id = s.match_id AND own.side = s.side
LEFT JOIN statistics other ON other.match_id = s.match_id AND other.side <> s.side
LEFT JOIN incident_counts i ON i.match_id = s.match_id
