-- Entities of a storyline: those that rising pairs connect. Its root is the first of them by id.
WITH RECURSIVE edges AS (
    SELECT one, other FROM rising UNION ALL SELECT other, one FROM rising
), reached AS (
    SELECT DISTINCT one AS entity_id, one AS root FROM edges
    UNION
    SELECT e.other, r.root FROM reached r JOIN edges e ON e.one = r.entity_id
)
SELECT entity_id, min(root) AS root FROM reached GROUP BY entity_id
