WITH now AS (
    SELECT root, count(*) AS comments, count(sentiment) AS scored, average(sentiment) AS average_sentiment,
        sum(likes) AS total_likes
    FROM told WHERE week = this_week() GROUP BY root
), before AS (
    SELECT root, count(*) AS comments FROM told WHERE week < this_week() GROUP BY root
), own AS (
    SELECT root, list(entity_id ORDER BY entity_id) AS entities, list(name ORDER BY entity_id) AS names
    FROM members JOIN entities USING (entity_id) GROUP BY root
), posts AS (
    SELECT root, platform, post_id FROM told WHERE week = this_week() AND post_id IS NOT NULL
    GROUP BY root, platform, post_id
    QUALIFY row_number() OVER (PARTITION BY root ORDER BY count(*) DESC, platform, post_id) = 1
), usual AS (
    -- How much more comments of this week have the word than as many would have had before.
    SELECT root, word, count(*) FILTER (week = this_week()) AS have,
        count(*) FILTER (week = this_week())
            - count(*) FILTER (week < this_week()) * any_value(n.comments) / greatest(any_value(b.comments), 1) AS more
    FROM words JOIN now n USING (root) LEFT JOIN before b USING (root) GROUP BY root, word
), terms AS (
    SELECT root, list(word ORDER BY more DESC, word)[:storyline_terms()] AS terms
    FROM usual WHERE have >= 3 AND more > 0 GROUP BY root
)
SELECT this_week() AS week,
    row_number() OVER (ORDER BY n.comments DESC, o.entities) AS rank,
    o.entities, o.names, n.comments,
    round(coalesce(b.comments, 0) / w.number, 4) AS comments_before,
    round(n.comments / greatest(coalesce(b.comments, 0) / w.number, 1), 4) AS growth,
    n.scored, n.average_sentiment, n.total_likes, coalesce(t.terms, []) AS terms, p.platform, p.post_id
FROM now n JOIN own o USING (root) LEFT JOIN posts p USING (root)
LEFT JOIN before b USING (root) LEFT JOIN terms t USING (root), weeks_before w
ORDER BY rank
