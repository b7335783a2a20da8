WITH positions AS (
    SELECT player_id, first(position ORDER BY minutes DESC, appearances DESC, position) AS position
    FROM (
        SELECT player_id, position, sum(minutes) AS minutes, sum(appearances) AS appearances
        FROM player_spells
        WHERE position IS NOT NULL
        GROUP BY player_id, position
    )
    GROUP BY player_id
),
teams AS (
    SELECT player_id, count(DISTINCT team_id) AS teams FROM player_spells GROUP BY player_id
),
cards AS (
    SELECT
        player_id,
        any_value(player_name) AS player_name,
        sum(yellow_cards) AS yellow_cards,
        sum(second_yellow_cards) AS second_yellow_cards,
        sum(red_cards) AS red_cards
    FROM new_player_seasons
    GROUP BY player_id
),
totals AS (
    SELECT
        player_id,
        count(*) AS seasons,
        count(DISTINCT competition_id) AS competitions,
        min(season_year) AS first_season_year,
        max(season_year) AS last_season_year,
        max(last_match_at) AS last_match_at,
        sum(COLUMNS(lambda name: name IN (
            'appearances', 'starts', 'covered_matches', 'minutes', 'rated_matches', 'ratings', 'goals', 'assists',
            'own_goals', 'xg_matches', 'xg_minutes', 'xg', 'xg_overperformance', 'xa_minutes', 'xa', 'shots',
            'key_passes', 'goals_minutes', 'assists_minutes'
        )))
    FROM season_figures
    GROUP BY player_id
)
SELECT
    t.*, c.* EXCLUDE (player_id), q.position, n.teams,
    t.minutes >= sufficient_career_minutes() AS sufficient,
    rate(t.ratings, t.rated_matches) AS rating,
    per_90(t.goals, t.goals_minutes) AS goals_per_90,
    per_90(t.assists, t.assists_minutes) AS assists_per_90,
    per_90(t.xg, t.xg_minutes) AS xg_per_90,
    per_90(t.xa, t.xa_minutes) AS xa_per_90
FROM totals t
JOIN teams n USING (player_id)
JOIN cards c USING (player_id)
LEFT JOIN positions q USING (player_id)
