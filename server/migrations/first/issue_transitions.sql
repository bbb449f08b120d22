-- Every change of an issue's state, and the making of every issue: each server learns here what the others know of issues.
-- So a server's rows lie in the order in which it wrote them, and reading on from one of its batches costs one look at the key.
-- A row that was sent twice is there twice until the next merge: whoever reads must bear both. The order of the columns is the
-- order in which the writer sends them.
CREATE TABLE IF NOT EXISTS issue_transitions
(
    batch UInt64 COMMENT 'Which insert of the writer brought the row',
    server UInt16 MATERIALIZED bitAnd(batch, 2047) COMMENT 'Which server wrote it',
    sequence UInt64 COMMENT 'Order of all changes of all issues; 0 = the issue was made',
    issue_id UInt64 COMMENT 'Issue',
    fingerprint FixedString(16) COMMENT 'Fingerprint of the issue',
    project LowCardinality(String) COMMENT 'Project of the issue',
    from_status LowCardinality(String) COMMENT 'State before; empty = the issue was made',
    to_status LowCardinality(String) COMMENT 'State after',
    at DateTime64(3, 'UTC') COMMENT 'When',
    actor String COMMENT 'Who; regression = a new occurrence',
    note String COMMENT 'Why',
    INDEX issue_id_bloom issue_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = {engine:ReplacingMergeTree}
ORDER BY (server, batch, issue_id, sequence)
SETTINGS {durable};
