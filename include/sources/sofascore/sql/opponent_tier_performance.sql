WITH ranked AS (
    SELECT
        competition_id, season_id, team_id,
        count(*) OVER (PARTITION BY competition_id, season_id) AS teams,
        rank() OVER (
            PARTITION BY competition_id, season_id ORDER BY points_per_match DESC, goal_difference DESC
        ) AS place
    FROM new_team_seasons
    WHERE matches > 0
),
tiers AS (
    SELECT competition_id, season_id, team_id, ['top', 'middle', 'bottom'][1 + 3 * (place - 1) // teams] AS tier
    FROM ranked
    WHERE teams >= 3
),
figures AS (
    SELECT
        m.competition_id, m.season_id, m.player_id, t.tier,
        any_value(m.season_year) AS season_year,
        count(*) AS appearances,
        sum(m.minutes) AS minutes,
        count(m.rating) AS rated_matches,
        average(m.rating) AS rating,
        sum(m.goals) AS goals,
        sum(m.assists) AS assists,
        sum(m.xg) AS xg,
        per_90_of(m.goals, m.minutes) AS goals_per_90,
        per_90_of(m.assists, m.minutes) AS assists_per_90
    FROM player_matches m
    JOIN tiers t
        ON t.competition_id = m.competition_id AND t.season_id = m.season_id AND t.team_id = m.opponent_id
    GROUP BY m.competition_id, m.season_id, m.player_id, t.tier
    HAVING sum(m.minutes) >= sufficient_tier_minutes()
)
SELECT f.*, p.name AS player_name
FROM figures f
LEFT JOIN all_players p USING (player_id)
