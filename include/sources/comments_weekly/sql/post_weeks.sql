WITH now AS (
    SELECT platform, post_id, count(*) AS comments, count(sentiment) AS scored,
        average(sentiment) AS average_sentiment, weighted(sentiment, weight) AS weighted_sentiment,
        sum(likes) AS total_likes
    FROM of_week WHERE post_id IS NOT NULL GROUP BY platform, post_id
)
SELECT this_week() AS week, platform, post_id,
    row_number() OVER (ORDER BY comments DESC, total_likes DESC NULLS LAST, platform, post_id) AS rank,
    comments, scored, average_sentiment, weighted_sentiment, total_likes,
    p.subject, p.caption, p.url, p.posted_at, p.likes AS post_likes,
    if(p.comments_declared > 0, round(100.0 * p.comments_captured / p.comments_declared, 4), NULL) AS captured_percent
FROM now LEFT JOIN comments_posts p USING (platform, post_id)
ORDER BY platform, post_id
