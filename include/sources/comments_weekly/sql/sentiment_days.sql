WITH every AS (
    SELECT day, platform, all_comments() AS entity_id, sentiment, weight, likes FROM of_week
    UNION ALL
    SELECT day, platform, no_entity(), sentiment, weight, likes
    FROM of_week WHERE NOT matched
    UNION ALL
    SELECT day, platform, entity_id, sentiment, weight, likes FROM named
)
SELECT this_week() AS week, day, platform, entity_id, count(*) AS comments, count(sentiment) AS scored,
    average(sentiment) AS average_sentiment, weighted(sentiment, weight) AS weighted_sentiment,
    sum(likes) AS total_likes
FROM every
GROUP BY ALL
ORDER BY day, platform, entity_id
