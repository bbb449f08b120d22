-- One row a hop that a service handled. The latest are read in the order of the table, newest bucket first, until the
-- page is full; the slowest need all hops of the time. The condition holds placeholders only.
SELECT
    e.time AS time,
    e.event AS event,
    e.req_id AS req_id,
    toString(e.project) AS service,
    toString(e.environment) AS environment,
    toString(e.method) AS method,
    toString(e.route) AS route,
    e.url AS url,
    e.status AS status,
    e.tm AS duration_ms,
    e.uid AS uid,
    e.rrdid AS rrdid,
    e.ip AS ip,
    e.span_id AS span_id,
    e.parent_id AS parent_id,
    toString(e.state) AS state,
    e.received_at AS received_at,
    e.batch AS batch,
    e.ordinal AS ordinal
FROM event_store AS e
WHERE {bounds}
    AND {condition}
    AND {behind}
ORDER BY {order}
LIMIT {limit:UInt32}
SETTINGS read_in_order_use_buffering = 0
