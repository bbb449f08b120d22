-- The time is in the id because it bounds what is read: the table is sorted by it.
SELECT {columns}
FROM event_store AS e
PREWHERE toStartOfFiveMinutes(e.time) = toStartOfFiveMinutes(fromUnixTimestamp64Milli({time:Int64}, 'UTC'))
    AND e.time = fromUnixTimestamp64Milli({time:Int64}, 'UTC')
    AND e.batch = {batch:UInt64}
    AND e.ordinal = {ordinal:UInt32}
LIMIT 1
