-- How many events there are of each kind in each quarter of an hour: what facets and histograms are read from, so that
-- nobody counts the events themselves. It stays small because each of its columns has few values; msg does, too, as
-- long as it is a constant text. Columns stand in the order of event_count_store_select.sql.
CREATE TABLE IF NOT EXISTS event_count_store
(
    quarter DateTime('UTC') COMMENT 'Start of the quarter of an hour' CODEC(Delta(4), ZSTD(1)),
    project LowCardinality(String) COMMENT 'Project',
    environment LowCardinality(String) COMMENT 'Where it runs',
    version LowCardinality(String) COMMENT 'Version of the program',
    hostname LowCardinality(String) COMMENT 'Host of the program',
    level UInt8 COMMENT 'Number of bunyan',
    scope LowCardinality(String) COMMENT 'desc, stat, visit or biz',
    event LowCardinality(String) COMMENT 'client-req, service-start, service-end, service-err, trace or client-res',
    state LowCardinality(String) COMMENT 'How the hop ended whose end it is: ok, error or unfinished; empty = it is no end',
    method LowCardinality(String) COMMENT 'HTTP method of the request',
    route LowCardinality(String) COMMENT 'Matched path of the request',
    status UInt16 COMMENT 'HTTP status of the answer, 0 = none',
    service_host LowCardinality(String) COMMENT 'Called host',
    err_type LowCardinality(String) COMMENT 'Type of the error',
    msg LowCardinality(String) COMMENT 'The constant text',
    count SimpleAggregateFunction(sum, UInt64) COMMENT 'Events',
    batches SimpleAggregateFunction(maxMap, Map(UInt16, UInt64)) COMMENT 'Latest insert of each server that is added in; each insert says so in its first row'
)
ENGINE = {engine:AggregatingMergeTree}
PARTITION BY toYYYYMM(quarter)
ORDER BY (quarter, project, environment, version, hostname, level, scope, event, state, method, route, status, service_host,
    err_type, msg)
TTL toDate(quarter) + toIntervalDay(400)
SETTINGS {durable};

CREATE MATERIALIZED VIEW IF NOT EXISTS event_count_store_mv TO event_count_store AS
{select:event_count_store};
