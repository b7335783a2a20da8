WITH careers AS (
    SELECT
        mm.manager_id,
        count(*) AS matches,
        count(*) FILTER (t.points = 3) AS wins,
        count(*) FILTER (t.points = 1) AS draws,
        count(*) FILTER (t.points = 0) AS losses,
        sum(t.points) AS points,
        average(t.points) AS points_per_match,
        rate(wins, count(*)) AS win_rate,
        sum(t.goals_for) AS goals_for,
        sum(t.goals_against) AS goals_against,
        count(*) FILTER (t.goals_against = 0) AS clean_sheets,
        count(DISTINCT t.team_id) AS teams,
        count(DISTINCT t.competition_id) AS competitions,
        min(t.kickoff_at) AS first_match_at,
        max(t.kickoff_at) AS last_match_at,
        first(t.team_id ORDER BY t.kickoff_at DESC, t.match_id DESC) AS last_team_id
    FROM all_match_managers mm
    JOIN team_matches t ON t.match_id = mm.match_id AND t.side = mm.side
    GROUP BY mm.manager_id
)
SELECT c.*, m.name AS manager_name, n.name AS last_team
FROM careers c
LEFT JOIN all_managers m USING (manager_id)
LEFT JOIN all_teams n ON n.team_id = c.last_team_id
