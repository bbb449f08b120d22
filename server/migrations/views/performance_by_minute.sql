CREATE OR REPLACE VIEW performance_by_minute
(
    minute DateTime('UTC') COMMENT 'Start of the minute in which the samples were taken',
    project LowCardinality(String) COMMENT 'Service',
    environment LowCardinality(String) COMMENT 'Where it runs',
    hostname LowCardinality(String) COMMENT 'Host',
    count UInt64 COMMENT 'Samples',
    rss_count UInt64 COMMENT 'Those with the resident memory',
    rss_sum UInt64 COMMENT 'Resident memory in bytes, added up: sum(rss_sum) / sum(rss_count) is the mean',
    rss_max Nullable(UInt64) COMMENT 'The highest of them, NULL = none has it',
    cpu_count UInt64 COMMENT 'Those with the processor time',
    cpu_sum Float64 COMMENT 'Percent of one core, added up: sum(cpu_sum) / sum(cpu_count) is the mean',
    cpu_max Nullable(Float64) COMMENT 'The highest of them, NULL = none has it'
)
AS
SELECT minute, project, environment, hostname, count, rss_count, rss_sum, rss_max, cpu_count, cpu_sum, cpu_max
FROM performance_minute_store;
