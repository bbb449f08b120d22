-- Answered requests or ended calls in steps of time. One step that is long enough holds all of it.
SELECT
    toInt64({step:Int64}) * intDiv(toInt64(toUnixTimestamp(s.minute)) * 1000, {step:Int64}) AS start,
    toString({service}) AS service,
    toString({what}) AS what,
    toString({route}) AS route,
    sum(s.count) AS count,
    sum(s.errors) AS errors,
    if(sum(s.tm_count) = 0, NULL, round(sum(s.tm_sum) / sum(s.tm_count), 3)) AS mean_ms,
    max(s.tm_max) AS max_ms,
    if(
        sum(s.tm_count) = 0,
        emptyArrayFloat64(),
        arrayMap(q -> round(toFloat64(q), 3), quantilesTDigestMerge(0.5, 0.9, 0.95, 0.99)(s.tm))
    ) AS percentiles
FROM {table} AS s
WHERE toStartOfHour(s.minute) >= toStartOfHour(toDateTime({since:Int64}, 'UTC'))
    AND toStartOfHour(s.minute) <= toStartOfHour(toDateTime({until:Int64}, 'UTC'))
    AND s.minute >= toDateTime({since:Int64}, 'UTC')
    AND s.minute < toDateTime({until:Int64}, 'UTC')
    AND {condition}
GROUP BY start, service, what, route
ORDER BY {order}
LIMIT {limit:UInt32}
