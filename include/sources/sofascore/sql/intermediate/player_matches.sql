-- One row per player on the pitch in a played match, with the figures that are used further on. The upstream leaves out
-- what is 0. So a figure that is left out is 0 where the player's minutes are stated and somebody of the match has the
-- figure, and unknown where nobody has: the upstream does not count it there. Of goals the score says whether there are
-- none, of own goals the incidents say so, or a score that the other goals add up to. What was refused is unknown.
WITH stated AS (
    SELECT
        match_id,
        sum(goals) AS scored,
        count(COLUMNS(a.* EXCLUDE (match_id)))
    FROM (
        SELECT
            match_id, goals, assists, own_goals, expected_goals, expected_assists, shots, shots_on_target, key_passes,
            passes, accurate_passes, dribbles, dribbles_won, duels_won, duels_lost, aerial_duels_won, aerial_duels_lost,
            tackles, interceptions, clearances, ball_recoveries, saves
        FROM all_appearances
    ) a
    GROUP BY match_id
),
known AS (
    SELECT
        s.* EXCLUDE (scored) REPLACE (
            s.goals > 0 OR m.home_goals + m.away_goals = coalesce(i.own_goals, 0) AS goals,
            s.own_goals > 0 OR coalesce(i.own_goals = 0, false) OR m.home_goals + m.away_goals = coalesce(s.scored, 0)
                AS own_goals
        ),
        i.match_id IS NOT NULL AS has_incidents
    FROM stated s
    JOIN played_matches m USING (match_id)
    LEFT JOIN incident_counts i USING (match_id)
)
SELECT
    a.match_id, a.player_id, m.competition_id, m.season_id, m.season_year, a.team_id,
    if(a.side = 'home', m.away_team_id, m.home_team_id) AS opponent_id,
    m.kickoff_at, k.has_incidents,
    coalesce(a.position, p.position) AS position,
    age_at(p.born_on, m.match_date) AS age,
    a.started,
    a.minutes_played AS minutes,
    CAST(a.rating AS DECIMAL(18, 4)) AS rating,
    figure(a.player, k.goals, 'goals', a.goals) AS goals,
    figure(a.player, k.assists > 0, 'assists', a.assists) AS assists,
    figure(a.player, k.own_goals, 'own_goals', a.own_goals) AS own_goals,
    figure(a.player, k.expected_goals > 0, 'expected_goals', CAST(a.expected_goals AS DECIMAL(12, 6))) AS xg,
    figure(a.player, k.expected_assists > 0, 'expected_assists', CAST(a.expected_assists AS DECIMAL(12, 6))) AS xa,
    figure(a.player, k.shots > 0, 'shots', a.shots) AS shots,
    figure(a.player, k.shots_on_target > 0, 'shots_on_target', a.shots_on_target) AS shots_on_target,
    figure(a.player, k.key_passes > 0, 'key_passes', a.key_passes) AS key_passes,
    figure(a.player, k.passes > 0, 'passes', a.passes) AS passes,
    figure(a.player, k.accurate_passes > 0, 'accurate_passes', a.accurate_passes) AS accurate_passes,
    figure(a.player, k.dribbles > 0, 'dribbles', a.dribbles) AS dribbles,
    figure(a.player, k.dribbles_won > 0, 'dribbles_won', a.dribbles_won) AS dribbles_won,
    figure(a.player, k.duels_won > 0, 'duels_won', a.duels_won) AS duels_won,
    figure(a.player, k.duels_lost > 0, 'duels_lost', a.duels_lost) AS duels_lost,
    figure(a.player, k.aerial_duels_won > 0, 'aerial_duels_won', a.aerial_duels_won) AS aerial_duels_won,
    figure(a.player, k.aerial_duels_lost > 0, 'aerial_duels_lost', a.aerial_duels_lost) AS aerial_duels_lost,
    figure(a.player, k.tackles > 0, 'tackles', a.tackles) AS tackles,
    figure(a.player, k.interceptions > 0, 'interceptions', a.interceptions) AS interceptions,
    figure(a.player, k.clearances > 0, 'clearances', a.clearances) AS clearances,
    figure(a.player, k.ball_recoveries > 0, 'ball_recoveries', a.ball_recoveries) AS ball_recoveries,
    figure(a.player, k.saves > 0, 'saves', a.saves) AS saves,
    CAST(a.goals_prevented AS DECIMAL(12, 6)) AS goals_prevented
FROM (SELECT *, {'minutes': minutes_played, 'refused': refused} AS player FROM all_appearances) a
JOIN played_matches m USING (match_id)
JOIN known k USING (match_id)
LEFT JOIN all_players p USING (player_id)
WHERE a.played
