WITH latest AS (
    SELECT
        player_id, kickoff_at, started, minutes, rating, goals, assists, xg, xa,
        row_number() OVER (PARTITION BY player_id ORDER BY kickoff_at DESC, match_id DESC) AS ago
    FROM player_matches
    QUALIFY ago <= 2 * list_max(form_windows())
),
windows AS (
    SELECT
        l.player_id, w.last_matches,
        count(*) FILTER (recent) AS matches,
        min(kickoff_at) FILTER (recent) AS first_match_at,
        max(kickoff_at) FILTER (recent) AS last_match_at,
        count(*) FILTER (recent AND started) AS starts,
        coalesce(sum(minutes) FILTER (recent), 0) AS minutes,
        count(rating) FILTER (recent) AS rated_matches,
        average(if(recent, rating, NULL)) AS rating,
        average(if(recent, NULL, rating)) AS rating_before,
        sum(goals) FILTER (recent) AS goals,
        sum(assists) FILTER (recent) AS assists,
        sum(xg) FILTER (recent) AS xg,
        sum(xa) FILTER (recent) AS xa,
        per_90_of(if(recent, goals, NULL), minutes) AS goals_per_90,
        per_90_of(if(recent, assists, NULL), minutes) AS assists_per_90
    FROM (SELECT unnest(form_windows()) AS last_matches) w
    JOIN (SELECT * FROM latest) l ON l.ago <= 2 * w.last_matches
    CROSS JOIN LATERAL (SELECT l.ago <= w.last_matches AS recent)
    GROUP BY l.player_id, w.last_matches
)
SELECT
    w.*, p.name AS player_name,
    CASE change(w.rating, w.rating_before) WHEN 1 THEN 'rising' WHEN -1 THEN 'falling' WHEN 0 THEN 'steady' END
        AS trend
FROM windows w
LEFT JOIN all_players p USING (player_id)
