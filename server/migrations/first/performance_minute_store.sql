-- Performance samples by the minute. Columns stand in the order of performance_minute_store_select.sql.
CREATE TABLE IF NOT EXISTS performance_minute_store
(
    minute DateTime('UTC') COMMENT 'Start of the minute in which they were taken' CODEC(Delta(4), ZSTD(1)),
    project LowCardinality(String) COMMENT 'Service',
    environment LowCardinality(String) COMMENT 'Where it runs',
    hostname LowCardinality(String) COMMENT 'Host',
    count SimpleAggregateFunction(sum, UInt64) COMMENT 'Samples',
    rss_count SimpleAggregateFunction(sum, UInt64) COMMENT 'Those with the resident memory',
    rss_sum SimpleAggregateFunction(sum, UInt64) COMMENT 'Resident memory in bytes, added up over the samples',
    rss_max SimpleAggregateFunction(max, Nullable(UInt64)) COMMENT 'The highest of them, NULL = none has it',
    cpu_count SimpleAggregateFunction(sum, UInt64) COMMENT 'Those with the processor time',
    cpu_sum SimpleAggregateFunction(sum, Float64) COMMENT 'Percent of one core, added up over the samples',
    cpu_max SimpleAggregateFunction(max, Nullable(Float64)) COMMENT 'The highest of them, NULL = none has it',
    batches SimpleAggregateFunction(maxMap, Map(UInt16, UInt64)) COMMENT 'Latest insert of each server that is added in; each insert says so in its first row'
)
ENGINE = {engine:AggregatingMergeTree}
PARTITION BY toYYYYMM(minute)
ORDER BY (toStartOfHour(minute), project, environment, hostname, minute)
TTL toDate(minute) + toIntervalDay(400)
SETTINGS {durable};

CREATE MATERIALIZED VIEW IF NOT EXISTS performance_minute_store_mv TO performance_minute_store AS
{select:performance_minute_store};
