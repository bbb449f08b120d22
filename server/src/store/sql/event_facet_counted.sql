-- The same answer as that of event_facet.sql: whole quarters of an hour are counted already, the rest is counted now.
SELECT value, sum(events) AS count
FROM
(
    SELECT {value} AS value, sum(e.count) AS events
    FROM event_count_store AS e
    WHERE e.quarter >= toDateTime({first:Int64}, 'UTC') AND e.quarter < toDateTime({end:Int64}, 'UTC')
        AND {condition}
    GROUP BY value
    UNION ALL
    SELECT {value} AS value, count() AS events
    FROM event_store AS e
    WHERE toStartOfFiveMinutes(e.time) >= toStartOfFiveMinutes(fromUnixTimestamp64Milli({oldest:Int64}, 'UTC'))
        AND toStartOfFiveMinutes(e.time) <= toStartOfFiveMinutes(fromUnixTimestamp64Milli({newest:Int64}, 'UTC'))
        AND (toStartOfFiveMinutes(e.time) < toDateTime({first:Int64}, 'UTC')
            OR toStartOfFiveMinutes(e.time) >= toDateTime({end:Int64}, 'UTC'))
        AND e.time >= fromUnixTimestamp64Milli({oldest:Int64}, 'UTC')
        AND e.time <= fromUnixTimestamp64Milli({newest:Int64}, 'UTC')
        AND {condition}
    GROUP BY value
)
GROUP BY value
ORDER BY count DESC, value
LIMIT {limit:UInt32}
