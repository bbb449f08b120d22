SELECT toDateTime64(h.hour, 3, 'UTC') AS hour, sum(h.count) AS count
FROM issue_hour_store AS h
WHERE h.issue_id = {id:UInt64} AND h.hour > toStartOfHour(now('UTC')) - toIntervalHour({hours:UInt32})
GROUP BY h.hour
ORDER BY h.hour
LIMIT {limit:UInt32}
