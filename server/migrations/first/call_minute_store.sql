-- Calls of other services by the minute. Columns stand in the order of call_minute_store_select.sql.
CREATE TABLE IF NOT EXISTS call_minute_store
(
    minute DateTime('UTC') COMMENT 'Start of the minute in which they ended' CODEC(Delta(4), ZSTD(1)),
    project LowCardinality(String) COMMENT 'The calling service',
    environment LowCardinality(String) COMMENT 'Where it runs',
    host LowCardinality(String) COMMENT 'Called host',
    route LowCardinality(String) COMMENT 'Called path with numbers and ids replaced by {id}',
    http_code UInt16 COMMENT 'HTTP status of the answer, 0 = none',
    count SimpleAggregateFunction(sum, UInt64) COMMENT 'Calls',
    errors SimpleAggregateFunction(sum, UInt64) COMMENT 'Those that failed: state = error',
    tm_count SimpleAggregateFunction(sum, UInt64) COMMENT 'Those that say how long they took',
    tm_sum SimpleAggregateFunction(sum, Float64) COMMENT 'Their durations in milliseconds, added up',
    tm_max SimpleAggregateFunction(max, Nullable(Float64)) COMMENT 'The longest of them, NULL = none says it',
    tm AggregateFunction(quantilesTDigest(0.5, 0.9, 0.95, 0.99), Float32) COMMENT 'Their distribution',
    batches SimpleAggregateFunction(maxMap, Map(UInt16, UInt64)) COMMENT 'Latest insert of each server that is added in; each insert says so in its first row'
)
ENGINE = {engine:AggregatingMergeTree}
PARTITION BY toYYYYMM(minute)
ORDER BY (toStartOfHour(minute), project, environment, host, route, http_code, minute)
TTL toDate(minute) + toIntervalDay(400)
SETTINGS {durable};

CREATE MATERIALIZED VIEW IF NOT EXISTS call_minute_store_mv TO call_minute_store AS
{select:call_minute_store};
