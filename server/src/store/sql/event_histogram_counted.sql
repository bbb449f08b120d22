-- The same answer as that of event_histogram.sql, for steps of whole quarters of an hour.
SELECT start, level, sum(events) AS count
FROM
(
    SELECT
        toInt64({step:Int64}) * intDiv(toInt64(toUnixTimestamp(e.quarter)) * 1000, {step:Int64}) AS start,
        {level} AS level,
        sum(e.count) AS events
    FROM event_count_store AS e
    WHERE e.quarter >= toDateTime({first:Int64}, 'UTC') AND e.quarter < toDateTime({end:Int64}, 'UTC')
        AND {condition}
    GROUP BY start, level
    UNION ALL
    SELECT
        toInt64({step:Int64}) * intDiv(toUnixTimestamp64Milli(e.time), {step:Int64}) AS start,
        {level} AS level,
        count() AS events
    FROM event_store AS e
    WHERE toStartOfFiveMinutes(e.time) >= toStartOfFiveMinutes(fromUnixTimestamp64Milli({oldest:Int64}, 'UTC'))
        AND toStartOfFiveMinutes(e.time) <= toStartOfFiveMinutes(fromUnixTimestamp64Milli({newest:Int64}, 'UTC'))
        AND (toStartOfFiveMinutes(e.time) < toDateTime({first:Int64}, 'UTC')
            OR toStartOfFiveMinutes(e.time) >= toDateTime({end:Int64}, 'UTC'))
        AND e.time >= fromUnixTimestamp64Milli({oldest:Int64}, 'UTC')
        AND e.time <= fromUnixTimestamp64Milli({newest:Int64}, 'UTC')
        AND {condition}
    GROUP BY start, level
)
GROUP BY start, level
ORDER BY start, level
LIMIT {limit:UInt32}
