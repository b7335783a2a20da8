WITH running AS (
    SELECT
        i.match_id, i.position, i.type, i.side, i.minute, i.added_minute, i.player_id, i.player_out_id, i.injury,
        count(*) FILTER (i.type = 'goal' AND i.side = 'home') OVER so_far AS home_before,
        count(*) FILTER (i.type = 'goal' AND i.side = 'away') OVER so_far AS away_before
    FROM all_incidents i
    JOIN played_matches m USING (match_id)
    WHERE i.type = 'substitution' OR i.type = 'goal'
    WINDOW so_far AS (PARTITION BY i.match_id ORDER BY i.position)
),
scored AS (
    SELECT
        r.*, m.competition_id, m.season_id, m.season_year,
        if(r.side = 'home', m.home_team_id, m.away_team_id) AS team_id,
        if(r.side = 'home', r.home_before, r.away_before) AS goals_for_before,
        if(r.side = 'home', r.away_before, r.home_before) AS goals_against_before,
        if(r.side = 'home', i.home_goals, i.away_goals) - goals_for_before AS goals_for_after,
        if(r.side = 'home', i.away_goals, i.home_goals) - goals_against_before AS goals_against_after
    FROM running r
    JOIN played_matches m USING (match_id)
    JOIN incident_counts i USING (match_id)
    WHERE r.type = 'substitution' AND r.side IN ('home', 'away')
)
SELECT
    s.match_id, s.position, s.competition_id, s.season_id, s.season_year, s.side, s.team_id,
    s.minute, s.added_minute,
    s.player_id AS player_in_id, came.name AS player_in, s.player_out_id, went.name AS player_out, s.injury,
    s.goals_for_before, s.goals_against_before, s.goals_for_after, s.goals_against_after,
    s.goals_for_after - s.goals_against_after AS impact,
    a.minutes AS player_in_minutes, a.rating AS player_in_rating,
    a.goals AS player_in_goals, a.assists AS player_in_assists
FROM scored s
LEFT JOIN player_matches a ON a.match_id = s.match_id AND a.player_id = s.player_id
LEFT JOIN all_players came ON came.player_id = s.player_id
LEFT JOIN all_players went ON went.player_id = s.player_out_id
