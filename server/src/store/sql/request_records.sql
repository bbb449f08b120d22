-- Everything of one request. Whole buckets of time are read: two conditions less to plan, and no granule more.
SELECT {columns}
FROM event_store AS e
PREWHERE e.req_id = {req_id:String}
    AND toStartOfFiveMinutes(e.time) >= toStartOfFiveMinutes(fromUnixTimestamp64Milli({oldest:Int64}, 'UTC'))
    AND toStartOfFiveMinutes(e.time) <= toStartOfFiveMinutes(fromUnixTimestamp64Milli({newest:Int64}, 'UTC'))
{order}
LIMIT {limit:UInt32}
