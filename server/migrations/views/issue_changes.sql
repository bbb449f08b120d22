-- A row that was sent twice stands there twice until it is merged.
CREATE OR REPLACE VIEW issue_changes
(
    time DateTime64(3, 'UTC') COMMENT 'When',
    issue_id UInt64 COMMENT 'The issue: id in issues',
    project LowCardinality(String) COMMENT 'Project of the issue',
    from_status LowCardinality(String) COMMENT 'State before',
    to_status LowCardinality(String) COMMENT 'State after',
    actor String COMMENT 'Who; regression = a new occurrence of what was thought to be done',
    note String COMMENT 'Why',
    sequence UInt64 COMMENT 'Order of all changes of all issues'
)
AS
SELECT DISTINCT at AS time, issue_id, project, from_status, to_status, actor, note, sequence
FROM issue_transitions
WHERE sequence != 0;
