-- Every change of an issue's state. A row that was sent twice has the same sequence, and one of the two goes at the
-- next merge: whoever reads must bear both. The order of the columns is the order in which the writer sends them.
CREATE TABLE IF NOT EXISTS issue_transitions
(
    batch UInt64 COMMENT 'Which insert of the writer brought the row',
    sequence UInt64 COMMENT 'Order of all changes of all issues',
    issue_id UInt64 COMMENT 'Issue',
    fingerprint FixedString(16) COMMENT 'Fingerprint of the issue',
    project LowCardinality(String) COMMENT 'Project of the issue',
    from_status LowCardinality(String) COMMENT 'State before',
    to_status LowCardinality(String) COMMENT 'State after',
    at DateTime64(3, 'UTC') COMMENT 'When',
    actor String COMMENT 'Who; regression = a new occurrence',
    note String COMMENT 'Why'
)
ENGINE = {engine:ReplacingMergeTree}
ORDER BY (issue_id, sequence)
SETTINGS {durable};
