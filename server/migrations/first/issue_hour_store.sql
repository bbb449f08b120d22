-- Occurrences of an issue by the hour. Columns stand in the order of issue_hour_store_select.sql.
CREATE TABLE IF NOT EXISTS issue_hour_store
(
    issue_id UInt64 COMMENT 'Issue',
    hour DateTime('UTC') COMMENT 'Start of the hour' CODEC(Delta(4), ZSTD(1)),
    count SimpleAggregateFunction(sum, UInt64) COMMENT 'Occurrences in that hour',
    batches SimpleAggregateFunction(maxMap, Map(UInt16, UInt64)) COMMENT 'Latest insert of each server that is added in; each insert says so in its first row'
)
ENGINE = {engine:AggregatingMergeTree}
ORDER BY (issue_id, hour)
SETTINGS {durable};

CREATE MATERIALIZED VIEW IF NOT EXISTS issue_hour_store_mv TO issue_hour_store AS
{select:issue_hour_store};
