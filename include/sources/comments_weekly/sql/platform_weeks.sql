WITH now AS (
    SELECT platform, count(DISTINCT post_id) AS posts, count(*) AS comments,
        count(*) FILTER (context = 'reply') AS replies, count(DISTINCT author) AS authors,
        count(*) FILTER (NOT matched) AS without_entity,
        count(sentiment) AS scored,
        count(*) FILTER (sentiment IS NULL AND state = 'other_language') AS other_language,
        count(*) FILTER (sentiment IS NULL AND state = 'no_text') AS no_text,
        count(*) FILTER (sentiment IS NULL AND state = 'failed') AS failed,
        count(*) FILTER (sentiment IS NULL AND state NOT IN ('other_language', 'no_text', 'failed')) AS unscored,
        count(*) FILTER (sentiment >= 0.7) AS very_positive,
        count(*) FILTER (sentiment >= 0.3 AND sentiment < 0.7) AS positive,
        count(*) FILTER (sentiment > -0.3 AND sentiment < 0.3) AS neutral,
        count(*) FILTER (sentiment > -0.7 AND sentiment <= -0.3) AS negative,
        count(*) FILTER (sentiment <= -0.7) AS very_negative,
        average(sentiment) AS average_sentiment, weighted(sentiment, weight) AS weighted_sentiment,
        sum(likes) AS total_likes, count(*) FILTER (vanished) AS vanished
    FROM of_week GROUP BY platform
), before AS (
    SELECT platform, count(*) AS comments_before, count(sentiment) AS scored_before,
        average(sentiment) AS average_sentiment_before
    FROM seen WHERE week = week_before() GROUP BY platform
)
-- What is counted is 0 where there was none; a mean or a sum of likes is null then.
SELECT this_week() AS week, platform, average_sentiment, weighted_sentiment, average_sentiment_before, total_likes,
    coalesce(COLUMNS(* EXCLUDE (platform, average_sentiment, weighted_sentiment, average_sentiment_before, total_likes)), 0)
FROM now FULL JOIN before USING (platform) FULL JOIN undated USING (platform)
ORDER BY platform
