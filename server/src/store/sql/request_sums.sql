-- What the records of one request add up to, the same as are read by request_records without its limit.
SELECT
    count() AS records,
    countIf(e.level >= {level:UInt8}) AS errors,
    arraySort(groupUniqArray(toString(e.project))) AS projects,
    arraySort(groupUniqArrayIf(e.issue_id, e.issue_id != 0)) AS issues
FROM event_store AS e
PREWHERE e.req_id = {req_id:String}
    AND toStartOfFiveMinutes(e.time) >= toStartOfFiveMinutes(fromUnixTimestamp64Milli({oldest:Int64}, 'UTC'))
    AND toStartOfFiveMinutes(e.time) <= toStartOfFiveMinutes(fromUnixTimestamp64Milli({newest:Int64}, 'UTC'))
