-- The rows are read in the order of the table, newest first, until the page is full. Buffering would read all of them
-- first, as it fills its buffers with what passes the filter.
SELECT
    e.time AS time,
    e.err_msg AS message,
    e.level AS level,
    toString(e.environment) AS environment,
    toString(e.version) AS version,
    toString(e.commit_hash) AS commit_hash,
    e.err_stack AS stack_trace,
    e.attributes AS context,
    e.req_id AS request_id,
    e.uid AS user_id,
    toString(e.hostname) AS hostname,
    e.event_id AS event_id,
    toString(e.source) AS source,
    cityHash64(
        e.received_at, e.source, e.level, e.environment, e.version, e.commit_hash, e.hostname, e.pid, e.req_id,
        e.span_id, e.uid, e.rrdid, e.err_msg, e.err_stack, e.event_id, e.attributes
    ) AS tie
FROM event_store AS e
PREWHERE e.project = {project:String}
    AND e.issue_id = {id:UInt64}
    AND toStartOfFiveMinutes(e.time) >= toStartOfFiveMinutes(fromUnixTimestamp64Milli({oldest:Int64}, 'UTC'))
    AND toStartOfFiveMinutes(e.time) <= toStartOfFiveMinutes(fromUnixTimestamp64Milli({newest:Int64}, 'UTC'))
    AND e.time >= fromUnixTimestamp64Milli({oldest:Int64}, 'UTC')
    AND e.time <= fromUnixTimestamp64Milli({newest:Int64}, 'UTC')
WHERE (e.time < fromUnixTimestamp64Milli({newest:Int64}, 'UTC') OR tie <= {tie:UInt64})
ORDER BY toStartOfFiveMinutes(e.time) DESC, e.time DESC, tie DESC
LIMIT {limit:UInt32} OFFSET {skip:UInt32}
SETTINGS read_in_order_use_buffering = 0
