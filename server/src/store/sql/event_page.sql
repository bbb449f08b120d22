-- Read in the order of the table, newest bucket first, until the page is full. The condition holds placeholders only.
SELECT {columns}
FROM event_store AS e
WHERE toStartOfFiveMinutes(e.time) >= toStartOfFiveMinutes(fromUnixTimestamp64Milli({oldest:Int64}, 'UTC'))
    AND toStartOfFiveMinutes(e.time) <= toStartOfFiveMinutes(fromUnixTimestamp64Milli({newest:Int64}, 'UTC'))
    AND e.time >= fromUnixTimestamp64Milli({oldest:Int64}, 'UTC')
    AND e.time <= fromUnixTimestamp64Milli({newest:Int64}, 'UTC')
    AND {behind}
    AND {condition}
ORDER BY {order}
LIMIT {limit:UInt32}
SETTINGS read_in_order_use_buffering = 0
