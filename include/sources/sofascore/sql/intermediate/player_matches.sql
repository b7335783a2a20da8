-- One row per player on the pitch in a played match, with the figures that are used further on. The upstream leaves out
-- what is 0. So a figure that is left out is 0 where the player's minutes are stated and somebody of the match has the
-- figure, and unknown where nobody has: the upstream does not count it there. Of goals the score says whether there are
-- none, of own goals the incidents say so, or a score that the other goals add up to.
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
        )
    FROM stated s
    JOIN played_matches m USING (match_id)
    LEFT JOIN incident_counts i USING (match_id)
)
SELECT
    a.match_id, a.player_id, m.competition_id, m.season_id, m.season_year, a.team_id,
    if(a.side = 'home', m.away_team_id, m.home_team_id) AS opponent_id,
    m.kickoff_at,
    coalesce(a.position, p.position) AS position,
    age_at(p.born_on, m.match_date) AS age,
    a.started,
    a.minutes_played AS minutes,
    CAST(a.rating AS DECIMAL(18, 4)) AS rating,
    figure(a.minutes_played, k.goals, a.goals) AS goals,
    figure(a.minutes_played, k.assists > 0, a.assists) AS assists,
    figure(a.minutes_played, k.own_goals, a.own_goals) AS own_goals,
    figure(a.minutes_played, k.expected_goals > 0, CAST(a.expected_goals AS DECIMAL(12, 6))) AS xg,
    figure(a.minutes_played, k.expected_assists > 0, CAST(a.expected_assists AS DECIMAL(12, 6))) AS xa,
    figure(a.minutes_played, k.shots > 0, a.shots) AS shots,
    figure(a.minutes_played, k.shots_on_target > 0, a.shots_on_target) AS shots_on_target,
    figure(a.minutes_played, k.key_passes > 0, a.key_passes) AS key_passes,
    figure(a.minutes_played, k.passes > 0, a.passes) AS passes,
    figure(a.minutes_played, k.accurate_passes > 0, a.accurate_passes) AS accurate_passes,
    figure(a.minutes_played, k.dribbles > 0, a.dribbles) AS dribbles,
    figure(a.minutes_played, k.dribbles_won > 0, a.dribbles_won) AS dribbles_won,
    figure(a.minutes_played, k.duels_won > 0, a.duels_won) AS duels_won,
    figure(a.minutes_played, k.duels_lost > 0, a.duels_lost) AS duels_lost,
    figure(a.minutes_played, k.aerial_duels_won > 0, a.aerial_duels_won) AS aerial_duels_won,
    figure(a.minutes_played, k.aerial_duels_lost > 0, a.aerial_duels_lost) AS aerial_duels_lost,
    figure(a.minutes_played, k.tackles > 0, a.tackles) AS tackles,
    figure(a.minutes_played, k.interceptions > 0, a.interceptions) AS interceptions,
    figure(a.minutes_played, k.clearances > 0, a.clearances) AS clearances,
    figure(a.minutes_played, k.ball_recoveries > 0, a.ball_recoveries) AS ball_recoveries,
    figure(a.minutes_played, k.saves > 0, a.saves) AS saves,
    CAST(a.goals_prevented AS DECIMAL(12, 6)) AS goals_prevented
FROM all_appearances a
JOIN played_matches m USING (match_id)
JOIN known k USING (match_id)
LEFT JOIN all_players p USING (player_id)
WHERE a.played
