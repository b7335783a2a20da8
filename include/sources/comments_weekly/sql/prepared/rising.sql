-- Pairs that rise. Without a week before, nobody can tell.
SELECT one, other
FROM (
    SELECT one, other, count(*) FILTER (week = this_week()) AS now, count(*) FILTER (week < this_week()) AS before
    FROM pairs GROUP BY one, other), weeks_before w
WHERE w.number > 0 AND now >= storyline_least() AND now >= storyline_growth() * greatest(before / w.number, 1)
