SELECT
    toStartOfMinute(e.time) AS minute,
    e.project AS project,
    e.environment AS environment,
    e.service_host AS host,
    e.service_route AS route,
    ifNull(e.service_http_code, 0) AS http_code,
    count() AS count,
    countIf(e.state = 'error') AS errors,
    count(e.service_tm) AS tm_count,
    sum(ifNull(e.service_tm, 0)) AS tm_sum,
    max(e.service_tm) AS tm_max,
    quantilesTDigestStateIf(0.5, 0.9, 0.95, 0.99)(toFloat32(ifNull(e.service_tm, 0)), isNotNull(e.service_tm)) AS tm,
    if(rowNumberInAllBlocks() = 0, map(toUInt16(bitAnd(max(e.batch), 2047)), max(e.batch)), map()) AS batches
FROM {source} AS e
WHERE e.event IN ('service-end', 'service-err')
GROUP BY minute, project, environment, host, route, http_code
