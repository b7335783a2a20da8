-- Comments without a time that were first collected in the week.
SELECT platform, count(*) AS undated FROM comments_comments
WHERE created_at IS NULL AND week_of(first_seen) = this_week() GROUP BY platform
