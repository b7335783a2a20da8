SELECT
    a.match_id, a.competition_id, a.season_id, a.season_year,
    m.home_goals, m.away_goals,
    m.home_goals + m.away_goals AS total_goals,
    match_result(m.home_goals, m.away_goals) AS result,
    coalesce(m.decided_by, 'walkover') AS decided_by,
    a.winner,
    a.home_penalties, a.away_penalties,
    i.home_goals AS home_goals_counted, i.away_goals AS away_goals_counted,
    CASE
        WHEN m.match_id IS NULL THEN 'award'
        WHEN i.match_id IS NULL THEN 'event'
        WHEN i.home_goals = m.home_goals AND i.away_goals = m.away_goals THEN 'confirmed'
        ELSE 'contradicted'
    END AS score_source
FROM all_matches a
LEFT JOIN played_matches m USING (match_id)
LEFT JOIN incident_counts i USING (match_id)
WHERE m.match_id IS NOT NULL OR a.state = 'walkover'
