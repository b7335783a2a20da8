-- Of how many weeks before there are comments at all.
SELECT count(DISTINCT week) AS number FROM seen WHERE week < this_week()
