-- The rows are read in the order of the table, newest first, until the page is full. Buffering would read all of them
-- first, as it fills its buffers with what passes the filter.
SELECT
    {event.id} AS id,
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
    e.received_at AS received_at,
    e.batch AS batch,
    e.ordinal AS ordinal
FROM event_store AS e
PREWHERE e.project = {project:String}
    AND e.issue_id = {issue:UInt64}
    AND toStartOfFiveMinutes(e.time) >= toStartOfFiveMinutes(fromUnixTimestamp64Milli({oldest:Int64}, 'UTC'))
    AND toStartOfFiveMinutes(e.time) <= toStartOfFiveMinutes(fromUnixTimestamp64Milli({newest:Int64}, 'UTC'))
    AND e.time >= fromUnixTimestamp64Milli({oldest:Int64}, 'UTC')
    AND e.time <= fromUnixTimestamp64Milli({newest:Int64}, 'UTC')
WHERE {behind}
ORDER BY {order}
LIMIT {limit:UInt32}
SETTINGS read_in_order_use_buffering = 0
