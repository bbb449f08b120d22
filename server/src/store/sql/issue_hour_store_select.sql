SELECT
    e.issue_id AS issue_id,
    toStartOfHour(toDateTime(e.time, 'UTC')) AS hour,
    count() AS count,
    max(e.batch) AS batch
FROM {source} AS e
WHERE e.issue_id != 0
GROUP BY e.issue_id, hour
