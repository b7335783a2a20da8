-- Which comment names which entity, once however many signals say so.
SELECT entity_id, seen.rowid AS number, week, day, moment, platform, comment_id, post_id, likes, weight, sentiment
FROM seen JOIN (
    SELECT DISTINCT platform, comment_id, entity_id FROM comments_signals
    WHERE entity_id <> '' AND confidence >= sure_from()
) USING (platform, comment_id)
