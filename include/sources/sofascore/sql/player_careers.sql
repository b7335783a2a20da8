-- Sums of the rounded figures of player_seasons, as decimals, so that both agree to the last digit.
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
totals AS (
    SELECT
        player_id,
        any_value(player_name) AS player_name,
        count(*) AS seasons,
        count(DISTINCT competition_id) AS competitions,
        min(season_year) AS first_season_year,
        max(season_year) AS last_season_year,
        sum(appearances) AS appearances,
        sum(starts) AS starts,
        sum(covered_matches) AS covered_matches,
        sum(minutes) AS minutes,
        sum(rated_matches) AS rated_matches,
        sum(exact(rating) * rated_matches) AS ratings,
        sum(goals) AS goals,
        sum(assists) AS assists,
        sum(own_goals) AS own_goals,
        sum(xg_matches) AS xg_matches,
        sum(xg_minutes) AS xg_minutes,
        sum(exact(xg)) AS xg,
        sum(exact(xg_overperformance)) AS xg_overperformance,
        sum(xa_minutes) AS xa_minutes,
        sum(exact(xa)) AS xa,
        sum(yellow_cards) AS yellow_cards,
        sum(second_yellow_cards) AS second_yellow_cards,
        sum(red_cards) AS red_cards,
        sum(shots) AS shots,
        sum(key_passes) AS key_passes,
        max(last_match_at) AS last_match_at
    FROM new_player_seasons
    GROUP BY player_id
)
SELECT
    t.*, q.position, n.teams,
    t.minutes >= sufficient_career_minutes() AS sufficient,
    rate(t.ratings, t.rated_matches) AS rating,
    per_90(t.goals, t.minutes) AS goals_per_90,
    per_90(t.assists, t.minutes) AS assists_per_90,
    per_90(t.xg, t.xg_minutes) AS xg_per_90,
    per_90(t.xa, t.xa_minutes) AS xa_per_90
FROM totals t
JOIN teams n USING (player_id)
LEFT JOIN positions q USING (player_id)
