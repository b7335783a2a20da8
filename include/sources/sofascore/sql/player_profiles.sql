WITH latest AS (
    SELECT *
    FROM new_player_seasons
    WHERE sufficient
    QUALIFY row_number() OVER (
        PARTITION BY player_id ORDER BY last_match_at DESC, minutes DESC, competition_id, season_id
    ) = 1
),
judged AS (
    SELECT
        player_id,
        list(metric ORDER BY percentile DESC, metric) FILTER (percentile >= strength_percentile()) AS strengths,
        list(metric ORDER BY percentile, metric) FILTER (percentile <= weakness_percentile()) AS weaknesses,
        max(percentile) FILTER (metric = 'rating') AS rating_percentile
    FROM metric_percentiles
    JOIN latest USING (competition_id, season_id, player_id)
    GROUP BY player_id
)
SELECT
    s.player_id, s.player_name, s.position, p.country, p.born_on, s.age, p.height,
    s.competition_id, s.season_id, s.season_year, s.competition, s.season, s.team_id, s.team_name,
    s.appearances, s.minutes, s.rating, j.rating_percentile, s.goals, s.assists,
    s.goals_per_90, s.assists_per_90, s.xg_per_90, s.xa_per_90,
    coalesce(j.strengths, []) AS strengths,
    coalesce(j.weaknesses, []) AS weaknesses,
    f.rating AS form_rating, f.trend AS form_trend,
    c.consistency, g.progression,
    k.appearances AS career_appearances, k.minutes AS career_minutes, k.goals AS career_goals
FROM latest s
JOIN new_player_careers k USING (player_id)
JOIN new_player_form f ON f.player_id = s.player_id AND f.last_matches = list_min(form_windows())
LEFT JOIN judged j USING (player_id)
LEFT JOIN new_player_consistency c
    ON c.competition_id = s.competition_id AND c.season_id = s.season_id AND c.player_id = s.player_id
LEFT JOIN new_player_progression g ON g.player_id = s.player_id AND g.season_year = s.season_year
LEFT JOIN all_players p ON p.player_id = s.player_id
