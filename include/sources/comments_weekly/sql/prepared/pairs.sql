-- Two entities of the week in one comment, in this week and in those before.
WITH these AS (FROM mentions SEMI JOIN named USING (entity_id))
SELECT a.entity_id AS one, b.entity_id AS other, a.week, a.platform, a.comment_id, a.post_id, a.sentiment, a.likes
FROM these a JOIN these b USING (number)
WHERE a.entity_id < b.entity_id
