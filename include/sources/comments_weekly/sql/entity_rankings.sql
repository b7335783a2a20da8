SELECT this_week() AS week, e.entity_id, e.name, e.entity_type, e.monitored, r.rank,
    coalesce(n.comments, 0) AS comments, coalesce(n.scored, 0) AS scored,
    n.average_sentiment, n.weighted_sentiment, n.total_likes,
    coalesce(b.comments, 0) AS comments_before, rb.rank AS rank_before, rb.rank - r.rank AS rank_change,
    b.average_sentiment AS average_sentiment_before,
    round(n.average_sentiment - b.average_sentiment, 6) AS sentiment_change
FROM entities e
LEFT JOIN counted n ON n.entity_id = e.entity_id AND n.week = this_week()
LEFT JOIN counted b ON b.entity_id = e.entity_id AND b.week = week_before()
LEFT JOIN ranked r ON r.entity_id = e.entity_id AND r.week = this_week()
LEFT JOIN ranked rb ON rb.entity_id = e.entity_id AND rb.week = week_before()
WHERE r.rank IS NOT NULL OR e.monitored AND b.comments > 0
ORDER BY e.entity_id
