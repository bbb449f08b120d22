-- Answered requests by the minute. Columns stand in the order of request_minute_store_select.sql.
CREATE TABLE IF NOT EXISTS request_minute_store
(
    minute DateTime('UTC') COMMENT 'Start of the minute in which they were answered' CODEC(Delta(4), ZSTD(1)),
    project LowCardinality(String) COMMENT 'Service',
    environment LowCardinality(String) COMMENT 'Where it runs',
    method LowCardinality(String) COMMENT 'HTTP method',
    route LowCardinality(String) COMMENT 'Matched path',
    status UInt16 COMMENT 'HTTP status, 0 = none',
    count SimpleAggregateFunction(sum, UInt64) COMMENT 'Requests',
    errors SimpleAggregateFunction(sum, UInt64) COMMENT 'Those that failed: state = error',
    tm_count SimpleAggregateFunction(sum, UInt64) COMMENT 'Those that say how long they took',
    tm_sum SimpleAggregateFunction(sum, Float64) COMMENT 'Their handling times in milliseconds, added up',
    tm_max SimpleAggregateFunction(max, Nullable(Float64)) COMMENT 'The longest of them, NULL = none says it',
    tm AggregateFunction(quantilesTDigest(0.5, 0.9, 0.95, 0.99), Float32) COMMENT 'Their distribution',
    batches SimpleAggregateFunction(maxMap, Map(UInt16, UInt64)) COMMENT 'Latest insert of each server that is added in; each insert says so in its first row'
)
ENGINE = {engine:AggregatingMergeTree}
PARTITION BY toYYYYMM(minute)
ORDER BY (toStartOfHour(minute), project, environment, route, method, status, minute)
TTL toDate(minute) + toIntervalDay(400)
SETTINGS {durable};

CREATE MATERIALIZED VIEW IF NOT EXISTS request_minute_store_mv TO request_minute_store AS
{select:request_minute_store};
