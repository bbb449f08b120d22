-- When the requests were whose id does not tell it itself, as a UUIDv7 does: a look-up reads only that time of
-- event_store. Columns stand in the order of request_time_store_select.sql.
CREATE TABLE IF NOT EXISTS request_time_store
(
    req_id String COMMENT 'Request' CODEC(ZSTD(1)),
    first_time SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'Time of its first event' CODEC(ZSTD(1)),
    last_time SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Time of its last event' CODEC(ZSTD(1)),
    batches SimpleAggregateFunction(maxMap, Map(UInt16, UInt64)) COMMENT 'Latest insert of each server that is added in; each insert says so in its first row' CODEC(ZSTD(1))
)
ENGINE = {engine:AggregatingMergeTree}
ORDER BY req_id
TTL toDate(last_time) + toIntervalDay(400)
SETTINGS {durable}, index_granularity = 1024;

CREATE MATERIALIZED VIEW IF NOT EXISTS request_time_store_mv TO request_time_store AS
{select:request_time_store};
