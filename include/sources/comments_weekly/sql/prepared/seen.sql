-- Comments of the week and of those before that it is compared with, each once. Sums of decimals do not depend on
-- the order of rows, so the same comments give the same figures to the last digit.
SELECT platform, comment_id, post_id, context, author,
    epoch_us(created_at) AS moment,
    day_of(created_at) AS day,
    week_of(created_at) AS week,
    likes,
    100 + greatest(coalesce(likes, 0), 0) AS weight,
    if(score_state = 'scored', CAST(sentiment AS DECIMAL(12, 9)), NULL) AS sentiment,
    coalesce(score_state, 'unscored') AS state,
    vanished_at IS NOT NULL AS vanished
FROM comments_comments
WHERE created_at >= to_timestamp(first_moment() / 1000000) AND created_at < to_timestamp(last_moment() / 1000000)
