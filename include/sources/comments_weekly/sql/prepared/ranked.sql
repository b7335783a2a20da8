-- Entities that count in a week, with their rank in it.
SELECT week, entity_id, name, row_number() OVER (
        PARTITION BY week ORDER BY comments DESC, total_likes DESC NULLS LAST, entity_id) AS rank
FROM counted JOIN entities USING (entity_id)
WHERE monitored OR comments >= discovered_from()
