CREATE OR REPLACE VIEW calls_by_minute
(
    minute DateTime('UTC') COMMENT 'Start of the minute in which they ended',
    project LowCardinality(String) COMMENT 'The calling service',
    environment LowCardinality(String) COMMENT 'Where it runs',
    host LowCardinality(String) COMMENT 'Called host',
    route LowCardinality(String) COMMENT 'Called path with numbers and ids replaced by {id}',
    http_code UInt16 COMMENT 'HTTP status of the answer, 0 = none',
    count UInt64 COMMENT 'Calls',
    errors UInt64 COMMENT 'Those that failed: state = error',
    tm_count UInt64 COMMENT 'Those that say how long they took',
    tm_sum Float64 COMMENT 'Sum of their durations in milliseconds: sum(tm_sum) / sum(tm_count) is the mean',
    tm_max Nullable(Float64) COMMENT 'The longest of them in milliseconds, NULL = none says it',
    tm AggregateFunction(quantilesTDigest(0.5, 0.9, 0.95, 0.99), Float32) COMMENT 'Their distribution: quantilesTDigestMerge(0.5, 0.9, 0.95, 0.99)(tm) gives the percentiles in milliseconds'
)
AS
SELECT minute, project, environment, host, route, http_code, count, errors, tm_count, tm_sum, tm_max, tm
FROM call_minute_store;
