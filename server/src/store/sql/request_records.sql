-- Everything of one request in the order of time, ties in the order of arrival: rows of one insert keep their order
-- within the part that they are in.
SELECT {columns}
FROM event_store AS e
PREWHERE e.req_id = {req_id:String}
    AND toStartOfFiveMinutes(e.time) >= toStartOfFiveMinutes(fromUnixTimestamp64Milli({oldest:Int64}, 'UTC'))
    AND toStartOfFiveMinutes(e.time) <= toStartOfFiveMinutes(fromUnixTimestamp64Milli({newest:Int64}, 'UTC'))
    AND e.time >= fromUnixTimestamp64Milli({oldest:Int64}, 'UTC')
    AND e.time <= fromUnixTimestamp64Milli({newest:Int64}, 'UTC')
ORDER BY e.time, e.received_at, e.batch, e._part, e._part_offset
LIMIT {limit:UInt32}
