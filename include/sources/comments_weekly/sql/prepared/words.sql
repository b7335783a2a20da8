-- Words and hashtags of these comments, each once for a comment: no handles, no stop words, no names of the storyline.
WITH own AS (
    SELECT root, list(lower(name)) AS names FROM members JOIN entities USING (entity_id) GROUP BY root
), said AS (
    SELECT DISTINCT root, week, platform, comment_id, unnest(regexp_extract_all(
        regexp_replace(lower(text), '[@＠][\w.·-]+|https?://\S+', ' ', 'g'), '#?\pL[\pL\pM\pN''’]{2,29}')) AS word
    FROM told JOIN (SELECT platform, comment_id, text FROM comments_comments WHERE text IS NOT NULL)
        USING (platform, comment_id)
)
SELECT root, week, word FROM said JOIN own USING (root)
WHERE word NOT IN (SELECT word FROM stop_words)
    AND len(list_filter(names, lambda name:
        contains(name, ltrim(word, '#')) OR contains(replace(name, ' ', ''), ltrim(word, '#')))) = 0
