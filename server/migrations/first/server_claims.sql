-- Who has which server id: the data directory that said so last. A server that starts with an id that another directory had asks
-- here whether that one still runs.
CREATE TABLE IF NOT EXISTS server_claims
(
    server UInt16 COMMENT 'Id of a server',
    instance UInt64 COMMENT 'The data directory of that server',
    at DateTime64(6, 'UTC') COMMENT 'When it said so, by the clock of ClickHouse'
)
ENGINE = {engine:ReplacingMergeTree}(at)
ORDER BY server
SETTINGS {durable};
