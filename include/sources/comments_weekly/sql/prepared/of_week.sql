-- The comments of the week, and whether an entity that counts in it is named.
SELECT *, rowid IN (SELECT number FROM named) AS matched FROM seen WHERE week = this_week()
