SELECT
    toStartOfFifteenMinutes(e.time) AS quarter,
    e.project AS project,
    e.environment AS environment,
    e.version AS version,
    e.hostname AS hostname,
    e.level AS level,
    e.scope AS scope,
    e.event AS event,
    e.state AS state,
    e.method AS method,
    e.route AS route,
    e.status AS status,
    e.service_host AS service_host,
    e.err_type AS err_type,
    e.msg AS msg,
    count() AS count,
    if(rowNumberInAllBlocks() = 0, map(toUInt16(bitAnd(max(e.batch), 2047)), max(e.batch)), map()) AS batches
FROM {source} AS e
GROUP BY quarter, project, environment, version, hostname, level, scope, event, state, method, route, status, service_host,
    err_type, msg
