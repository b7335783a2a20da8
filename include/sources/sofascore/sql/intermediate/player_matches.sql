-- One row per player on the pitch in a played match, with the figures that are used further on. A figure that the
-- upstream leaves out is 0 where it states the player's minutes; expected goals and assists, which low coverage lacks,
-- are 0 only where another player of the match has them.
WITH coverage AS (
    SELECT match_id, count(expected_goals) > 0 AS has_xg, count(expected_assists) > 0 AS has_xa
    FROM all_appearances
    GROUP BY match_id
)
SELECT
    a.match_id, a.player_id, m.competition_id, m.season_id, m.season_year, a.team_id,
    if(a.side = 'home', m.away_team_id, m.home_team_id) AS opponent_id,
    m.kickoff_at,
    coalesce(a.position, p.position) AS position,
    date_sub('year', p.born_on, m.match_date) AS age,
    a.started,
    a.minutes_played AS minutes,
    CAST(a.rating AS DECIMAL(18, 4)) AS rating,
    figure(a.minutes_played, a.goals) AS goals,
    figure(a.minutes_played, a.assists) AS assists,
    figure(a.minutes_played, a.own_goals) AS own_goals,
    if(c.has_xg, a.minutes_played, NULL) AS xg_minutes,
    figure(if(c.has_xg, a.minutes_played, NULL), CAST(a.expected_goals AS DECIMAL(12, 6))) AS xg,
    if(c.has_xa, a.minutes_played, NULL) AS xa_minutes,
    figure(if(c.has_xa, a.minutes_played, NULL), CAST(a.expected_assists AS DECIMAL(12, 6))) AS xa,
    figure(a.minutes_played, a.shots) AS shots,
    figure(a.minutes_played, a.shots_on_target) AS shots_on_target,
    figure(a.minutes_played, a.key_passes) AS key_passes,
    figure(a.minutes_played, a.passes) AS passes,
    figure(a.minutes_played, a.accurate_passes) AS accurate_passes,
    figure(a.minutes_played, a.dribbles) AS dribbles,
    figure(a.minutes_played, a.dribbles_won) AS dribbles_won,
    figure(a.minutes_played, a.duels_won) AS duels_won,
    figure(a.minutes_played, a.duels_lost) AS duels_lost,
    figure(a.minutes_played, a.aerial_duels_won) AS aerial_duels_won,
    figure(a.minutes_played, a.aerial_duels_lost) AS aerial_duels_lost,
    figure(a.minutes_played, a.tackles) AS tackles,
    figure(a.minutes_played, a.interceptions) AS interceptions,
    figure(a.minutes_played, a.clearances) AS clearances,
    figure(a.minutes_played, a.ball_recoveries) AS ball_recoveries,
    figure(a.minutes_played, a.saves) AS saves,
    CAST(a.goals_prevented AS DECIMAL(12, 6)) AS goals_prevented
FROM all_appearances a
JOIN played_matches m USING (match_id)
LEFT JOIN coverage c USING (match_id)
LEFT JOIN all_players p USING (player_id)
WHERE a.played
