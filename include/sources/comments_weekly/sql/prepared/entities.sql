-- Monitored entities, and whatever else comments name.
SELECT entity_id, name, type AS entity_type, true AS monitored FROM comments_monitored_entities
UNION ALL
SELECT DISTINCT entity_id, entity_id, NULL, false
FROM counted ANTI JOIN comments_monitored_entities USING (entity_id)
