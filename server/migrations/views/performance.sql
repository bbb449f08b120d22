CREATE OR REPLACE VIEW performance
(
    time DateTime64(3, 'UTC') COMMENT 'When the sample was taken',
    project LowCardinality(String) COMMENT 'Service',
    environment LowCardinality(String) COMMENT 'Where the service runs',
    version LowCardinality(String) COMMENT 'Version of the service',
    hostname LowCardinality(String) COMMENT 'Host',
    pid UInt32 COMMENT 'Process',
    rss Nullable(UInt64) COMMENT 'Resident memory in bytes',
    cpu Nullable(Float64) COMMENT 'Percent of one core'
)
AS
SELECT time, project, environment, version, hostname, pid, perf_rss AS rss, perf_cpu AS cpu
FROM event_store
WHERE scope = 'stat';
