-- What begins and ends the hops of one request, as in request_records.
SELECT {columns}
FROM event_store AS e
PREWHERE e.req_id = {req_id:String}
    AND toStartOfFiveMinutes(e.time) >= toStartOfFiveMinutes(fromUnixTimestamp64Milli({oldest:Int64}, 'UTC'))
    AND toStartOfFiveMinutes(e.time) <= toStartOfFiveMinutes(fromUnixTimestamp64Milli({newest:Int64}, 'UTC'))
WHERE e.event NOT IN ('', 'trace')
{order}
LIMIT {limit:UInt32}
