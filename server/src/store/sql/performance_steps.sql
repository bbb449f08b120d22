-- Performance samples by host in steps of time. One step that is long enough holds all of it.
SELECT
    toInt64({step:Int64}) * intDiv(toInt64(toUnixTimestamp(s.minute)) * 1000, {step:Int64}) AS start,
    toString(s.project) AS service,
    toString(s.environment) AS environment,
    toString(s.hostname) AS hostname,
    sum(s.count) AS samples,
    if(sum(s.rss_count) = 0, NULL, intDiv(sum(s.rss_sum), sum(s.rss_count))) AS rss_mean,
    max(s.rss_max) AS rss_max,
    if(sum(s.cpu_count) = 0, NULL, round(sum(s.cpu_sum) / sum(s.cpu_count), 3)) AS cpu_mean,
    max(s.cpu_max) AS cpu_max
FROM performance_minute_store AS s
WHERE toStartOfHour(s.minute) >= toStartOfHour(toDateTime({since:Int64}, 'UTC'))
    AND toStartOfHour(s.minute) <= toStartOfHour(toDateTime({until:Int64}, 'UTC'))
    AND s.minute >= toDateTime({since:Int64}, 'UTC')
    AND s.minute < toDateTime({until:Int64}, 'UTC')
    AND {condition}
GROUP BY start, service, environment, hostname
ORDER BY {order}
LIMIT {limit:UInt32}
