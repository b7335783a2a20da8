-- The comments that name a rising pair, once for each storyline.
SELECT DISTINCT m.root, p.week, p.platform, p.comment_id, p.post_id, p.sentiment, p.likes
FROM pairs p JOIN rising USING (one, other) JOIN members m ON m.entity_id = p.one
