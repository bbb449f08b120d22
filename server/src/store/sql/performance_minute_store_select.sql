SELECT
    toStartOfMinute(e.time) AS minute,
    e.project AS project,
    e.environment AS environment,
    e.hostname AS hostname,
    count() AS count,
    count(e.perf_rss) AS rss_count,
    sum(ifNull(e.perf_rss, 0)) AS rss_sum,
    max(e.perf_rss) AS rss_max,
    count(e.perf_cpu) AS cpu_count,
    sum(ifNull(e.perf_cpu, 0)) AS cpu_sum,
    max(e.perf_cpu) AS cpu_max,
    if(rowNumberInAllBlocks() = 0, map(toUInt16(bitAnd(max(e.batch), 2047)), max(e.batch)), map()) AS batches
FROM {source} AS e
WHERE e.scope = 'stat' AND (e.perf_rss IS NOT NULL OR e.perf_cpu IS NOT NULL)
GROUP BY minute, project, environment, hostname
