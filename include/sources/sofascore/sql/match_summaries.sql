WITH managers AS (
    SELECT mm.match_id, mm.side, mm.manager_id, n.name
    FROM all_match_managers mm
    JOIN all_managers n USING (manager_id)
),
-- Venues and referees are called as the event that was read last calls them.
said AS (
    SELECT m.venue_id, m.venue, m.city, m.referee_id, m.referee, ROW(p.checked_at, m.kickoff_at, m.match_id) AS moment
    FROM all_matches m
    JOIN all_match_parts p ON p.match_id = m.match_id AND p.part = 'event' AND p.state = 'done'
),
venues AS (
    SELECT venue_id, arg_max(venue, moment) AS venue, arg_max(city, moment) AS city
    FROM said
    WHERE venue_id IS NOT NULL
    GROUP BY venue_id
),
referees AS (
    SELECT referee_id, arg_max(referee, moment) AS referee
    FROM said
    WHERE referee_id IS NOT NULL
    GROUP BY referee_id
)
SELECT
    m.match_id, m.competition_id, m.season_id, m.season_year, s.competition, s.season,
    a.round, a.round_name, m.match_date, m.kickoff_at,
    m.home_team_id, m.away_team_id, hn.name AS home_team, an.name AS away_team,
    m.home_goals, m.away_goals,
    a.home_goals_period1 AS home_goals_half_time, a.away_goals_period1 AS away_goals_half_time,
    match_result(m.home_goals, m.away_goals) AS result, m.decided_by, a.winner,
    h.xg AS home_xg, w.xg AS away_xg,
    h.xg - w.xg AS xg_swing,
    m.home_goals - h.xg AS home_xg_overperformance,
    m.away_goals - w.xg AS away_xg_overperformance,
    h.possession AS home_possession, w.possession AS away_possession,
    h.shots AS home_shots, w.shots AS away_shots,
    h.shots_on_target AS home_shots_on_target, w.shots_on_target AS away_shots_on_target,
    h.big_chances AS home_big_chances, w.big_chances AS away_big_chances,
    h.corners AS home_corners, w.corners AS away_corners,
    h.fouls AS home_fouls, w.fouls AS away_fouls,
    rate(h.accurate_passes, h.passes) AS home_pass_accuracy, rate(w.accurate_passes, w.passes) AS away_pass_accuracy,
    h.yellow_cards AS home_yellow_cards, w.yellow_cards AS away_yellow_cards,
    h.red_cards AS home_red_cards, w.red_cards AS away_red_cards,
    hm.manager_id AS home_manager_id, hm.name AS home_manager,
    am.manager_id AS away_manager_id, am.name AS away_manager,
    coalesce(r.referee, a.referee) AS referee,
    coalesce(v.venue, a.venue) AS venue, coalesce(v.city, a.city) AS city, a.attendance
FROM played_matches m
JOIN all_matches a USING (match_id)
JOIN team_matches h ON h.match_id = m.match_id AND h.side = 'home'
JOIN team_matches w ON w.match_id = m.match_id AND w.side = 'away'
LEFT JOIN all_competition_seasons s ON s.competition_id = m.competition_id AND s.season_id = m.season_id
LEFT JOIN all_teams hn ON hn.team_id = m.home_team_id
LEFT JOIN all_teams an ON an.team_id = m.away_team_id
LEFT JOIN managers hm ON hm.match_id = m.match_id AND hm.side = 'home'
LEFT JOIN managers am ON am.match_id = m.match_id AND am.side = 'away'
LEFT JOIN venues v ON v.venue_id = a.venue_id
LEFT JOIN referees r ON r.referee_id = a.referee_id
