-- Mentions of the week by entities that count in it.
SELECT mentions.* FROM mentions SEMI JOIN ranked USING (week, entity_id) WHERE week = this_week()
