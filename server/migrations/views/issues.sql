CREATE OR REPLACE VIEW issues
(
    id UInt64 COMMENT 'Number of the issue',
    project LowCardinality(String) COMMENT 'Project',
    fingerprint String COMMENT 'MD5 of project, type, file and line in lower-case hex',
    type LowCardinality(String) COMMENT 'Type of the error',
    message String COMMENT 'Message of the latest occurrence',
    file_path LowCardinality(String) COMMENT 'File that raises it',
    line_number UInt32 COMMENT 'Line in that file, 0 = unknown',
    level UInt8 COMMENT 'Level of the latest occurrence: 60 critical, 50 error, 40 warning',
    count UInt64 COMMENT 'Occurrences',
    users UInt64 COMMENT 'Different users that met it',
    first_seen DateTime64(3, 'UTC') COMMENT 'Time of the first occurrence',
    last_seen DateTime64(3, 'UTC') COMMENT 'Time of the latest occurrence',
    status String COMMENT 'NEW, VERIFYING, CANNOT_REPRODUCE, PENDING_FIX, FIXING, FIX_FAILED, FIXED, VERIFIED or DEPLOYED',
    environments Array(String) COMMENT 'Where it was seen, 100 at most',
    versions Array(String) COMMENT 'In which versions it was seen, 100 at most'
)
AS
SELECT
    i.issue_id AS id,
    any(i.project) AS project,
    lower(hex(any(i.fingerprint))) AS fingerprint,
    any(i.err_type) AS type,
    argMaxMerge(i.latest_message) AS message,
    any(i.err_file_path) AS file_path,
    any(i.err_line_number) AS line_number,
    argMaxMerge(i.latest_level) AS level,
    sum(i.count) AS count,
    uniqMerge(i.users) AS users,
    min(i.first_seen) AS first_seen,
    max(i.last_seen) AS last_seen,
    if(any(t.status) = '', 'NEW', any(t.status)) AS status,
    arraySort(groupUniqArrayMerge(100)(i.environments)) AS environments,
    arraySort(groupUniqArrayMerge(100)(i.versions)) AS versions
FROM issue_store AS i
LEFT JOIN
(
    SELECT issue_id, CAST(argMax(to_status, sequence), 'String') AS status
    FROM issue_transitions
    WHERE sequence != 0
    GROUP BY issue_id
) AS t ON t.issue_id = i.issue_id
GROUP BY i.issue_id;
