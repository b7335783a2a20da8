SELECT
    competition_id, season_id, position, metric,
    any_value(season_year) AS season_year,
    count(*) AS players,
    average(value) AS mean,
    quantile_at(value, 0.5) AS median,
    quantile_at(value, 0.25) AS p25,
    quantile_at(value, 0.75) AS p75,
    quantile_at(value, 0.9) AS p90,
    deviation(value) AS std
FROM metric_percentiles
GROUP BY competition_id, season_id, position, metric
