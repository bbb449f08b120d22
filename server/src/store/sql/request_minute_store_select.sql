SELECT
    toStartOfMinute(e.time) AS minute,
    e.project AS project,
    e.environment AS environment,
    e.method AS method,
    e.route AS route,
    e.status AS status,
    count() AS count,
    countIf(e.state = 'error') AS errors,
    count(e.tm) AS tm_count,
    sum(ifNull(e.tm, 0)) AS tm_sum,
    max(e.tm) AS tm_max,
    quantilesTDigestStateIf(0.5, 0.9, 0.95, 0.99)(toFloat32(ifNull(e.tm, 0)), isNotNull(e.tm)) AS tm,
    if(rowNumberInAllBlocks() = 0, map(toUInt16(bitAnd(max(e.batch), 2047)), max(e.batch)), map()) AS batches
FROM {source} AS e
WHERE e.event = 'client-res'
GROUP BY minute, project, environment, method, route, status
