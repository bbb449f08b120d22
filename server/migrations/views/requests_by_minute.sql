CREATE OR REPLACE VIEW requests_by_minute
(
    minute DateTime('UTC') COMMENT 'Start of the minute in which they were answered',
    project LowCardinality(String) COMMENT 'Service',
    environment LowCardinality(String) COMMENT 'Where it runs',
    method LowCardinality(String) COMMENT 'HTTP method',
    route LowCardinality(String) COMMENT 'Matched path, as /users/{id}',
    status UInt16 COMMENT 'HTTP status, 0 = none',
    count UInt64 COMMENT 'Requests',
    errors UInt64 COMMENT 'Those that failed: state = error',
    tm_count UInt64 COMMENT 'Those that say how long they took',
    tm_sum Float64 COMMENT 'Sum of their handling times in milliseconds: sum(tm_sum) / sum(tm_count) is the mean',
    tm_max Nullable(Float64) COMMENT 'The longest of them in milliseconds, NULL = none says it',
    tm AggregateFunction(quantilesTDigest(0.5, 0.9, 0.95, 0.99), Float32) COMMENT 'Their distribution: quantilesTDigestMerge(0.5, 0.9, 0.95, 0.99)(tm) gives the percentiles in milliseconds'
)
AS
SELECT minute, project, environment, method, route, status, count, errors, tm_count, tm_sum, tm_max, tm
FROM request_minute_store;
