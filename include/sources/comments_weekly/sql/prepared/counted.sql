-- Of each entity and week what comments say of it.
SELECT week, entity_id, count(*) AS comments, count(sentiment) AS scored,
    average(sentiment) AS average_sentiment, weighted(sentiment, weight) AS weighted_sentiment,
    sum(likes) AS total_likes
FROM mentions
GROUP BY ALL
