CREATE OR REPLACE VIEW performance
(
    id String COMMENT 'What the event is known by, wherever it is shown',
    time DateTime64(3, 'UTC') COMMENT 'When the sample was taken',
    project LowCardinality(String) COMMENT 'Service',
    environment LowCardinality(String) COMMENT 'Where the service runs',
    version LowCardinality(String) COMMENT 'Version of the service',
    hostname LowCardinality(String) COMMENT 'Host',
    pid UInt32 COMMENT 'Process',
    rss Nullable(UInt64) COMMENT 'Resident memory in bytes',
    cpu Nullable(Float64) COMMENT 'Percent of one core'{columns}
)
AS
SELECT
    {event.id} AS id, time, project, environment, version, hostname, pid, perf_rss AS rss, perf_cpu AS cpu{select}
FROM event_store
WHERE scope = 'stat';
