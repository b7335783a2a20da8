WITH halves AS (
    SELECT entity_id, moment >= last_moment() - velocity_window() AS is_recent,
        count(sentiment) AS scored, average(sentiment) AS mean
    FROM named WHERE moment >= last_moment() - 2 * velocity_window()
    GROUP BY ALL
    HAVING count(sentiment) >= velocity_least()
), moved AS (
    SELECT entity_id, r.mean AS recent_sentiment, r.scored AS recent_comments, p.mean AS earlier_sentiment,
        p.scored AS earlier_comments, abs(p.mean) < velocity_floor() AS floor_used,
        round(100 * (r.mean - p.mean) / greatest(abs(p.mean), velocity_floor()), 4) AS change_percent
    FROM halves r JOIN halves p USING (entity_id) WHERE r.is_recent AND NOT p.is_recent
)
SELECT this_week() AS week, entity_id, name,
    if(abs(change_percent) > critical_above(), 'critical', 'alert') AS level,
    if(change_percent > 0, 'up', 'down') AS direction,
    change_percent, recent_sentiment, recent_comments, earlier_sentiment, earlier_comments, floor_used,
    to_timestamp(last_moment() / 1000000) AS window_end
FROM moved JOIN entities USING (entity_id)
WHERE abs(change_percent) > alert_above()
ORDER BY entity_id
