CREATE OR REPLACE VIEW performance_by_minute
(
    minute DateTime('UTC') COMMENT 'Start of the minute in which the samples were taken',
    project LowCardinality(String) COMMENT 'Service',
    environment LowCardinality(String) COMMENT 'Where it runs',
    hostname LowCardinality(String) COMMENT 'Host',
    count UInt64 COMMENT 'Samples',
    rss_sum UInt64 COMMENT 'Resident memory in bytes, added up: sum(rss_sum) / sum(count) is the mean',
    rss_max UInt64 COMMENT 'The highest of them',
    cpu_sum Float64 COMMENT 'Percent of one core, added up: sum(cpu_sum) / sum(count) is the mean',
    cpu_max Float64 COMMENT 'The highest of them'
)
AS
SELECT minute, project, environment, hostname, count, rss_sum, rss_max, cpu_sum, cpu_max
FROM performance_minute_store;
