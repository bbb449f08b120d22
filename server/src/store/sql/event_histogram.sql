SELECT
    toInt64({step:Int64}) * intDiv(toUnixTimestamp64Milli(e.time), {step:Int64}) AS start,
    {level} AS level,
    count() AS count
FROM event_store AS e
WHERE toStartOfFiveMinutes(e.time) >= toStartOfFiveMinutes(fromUnixTimestamp64Milli({oldest:Int64}, 'UTC'))
    AND toStartOfFiveMinutes(e.time) <= toStartOfFiveMinutes(fromUnixTimestamp64Milli({newest:Int64}, 'UTC'))
    AND e.time >= fromUnixTimestamp64Milli({oldest:Int64}, 'UTC')
    AND e.time <= fromUnixTimestamp64Milli({newest:Int64}, 'UTC')
    AND {condition}
GROUP BY start, level
ORDER BY start, level
LIMIT {limit:UInt32}
