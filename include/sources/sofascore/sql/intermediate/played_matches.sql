-- Matches that count in every statistic: played to their end, and with a score.
SELECT
    match_id, competition_id, season_id, season_year, kickoff_at,
    CAST(make_timestamp(epoch_us(kickoff_at)) AS DATE) AS match_date,
    home_team_id, away_team_id, home_goals, away_goals,
    CASE state
        WHEN 'after_penalties' THEN 'penalties'
        WHEN 'after_extra_time' THEN 'extra_time'
        ELSE 'normal_time'
    END AS decided_by
FROM all_matches
WHERE played AND home_goals IS NOT NULL AND away_goals IS NOT NULL
