-- What is known of an issue, added up as occurrences arrive. Columns stand in the order of issue_store_select.sql.
-- Small granules: the states are large, and one page of issues reads a few ids from all over the table.
CREATE TABLE IF NOT EXISTS issue_store
(
    issue_id UInt64 COMMENT 'First 53 bits of the MD5 of the fingerprint and the project',
    fingerprint FixedString(16) COMMENT 'MD5 of project, type, file and line',
    project SimpleAggregateFunction(any, LowCardinality(String)) COMMENT 'Project',
    err_type SimpleAggregateFunction(any, LowCardinality(String)) COMMENT 'Type of the error',
    err_file_path SimpleAggregateFunction(any, LowCardinality(String)) COMMENT 'File that raises it',
    err_line_number SimpleAggregateFunction(any, UInt32) COMMENT 'Line in that file, 0 = unknown',
    count SimpleAggregateFunction(sum, UInt64) COMMENT 'Occurrences',
    users AggregateFunction(uniq, String) COMMENT 'Users that met it',
    first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'Time of the first occurrence',
    last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Time of the latest occurrence',
    latest_message AggregateFunction(argMax, String, DateTime64(3, 'UTC')) COMMENT 'Message of the latest occurrence',
    latest_level AggregateFunction(argMax, UInt8, DateTime64(3, 'UTC')) COMMENT 'Level of the latest occurrence',
    environments AggregateFunction(groupUniqArray(100), String) COMMENT 'Where it was seen, 100 at most',
    versions AggregateFunction(groupUniqArray(100), String) COMMENT 'In which versions it was seen, 100 at most',
    levels AggregateFunction(groupUniqArray(100), UInt8) COMMENT 'At which levels it was seen',
    batches SimpleAggregateFunction(maxMap, Map(UInt16, UInt64)) COMMENT 'Latest insert of each server that is added in; each insert says so in its first row'
)
ENGINE = {engine:AggregatingMergeTree}
ORDER BY (issue_id, fingerprint)
SETTINGS {durable}, index_granularity = 256;

CREATE MATERIALIZED VIEW IF NOT EXISTS issue_store_mv TO issue_store AS
{select:issue_store};
