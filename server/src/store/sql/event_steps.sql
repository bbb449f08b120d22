SELECT
    toInt64({step:Int64}) * intDiv(toInt64(toUnixTimestamp(s.quarter)) * 1000, {step:Int64}) AS start,
    sum(s.count) AS events,
    sumIf(s.count, s.level >= {level:UInt8}) AS errors
FROM event_count_store AS s
WHERE s.quarter >= toDateTime({since:Int64}, 'UTC') AND s.quarter < toDateTime({until:Int64}, 'UTC')
    AND {condition}
GROUP BY start
ORDER BY start
LIMIT {limit:UInt32}
