-- Every issue as if nobody had worked on it: the states come from issue_states.sql, at the same time.
SELECT
    i.issue_id AS id,
    toString(any(i.project)) AS project_id,
    lower(hex(any(i.fingerprint))) AS fingerprint,
    toString(any(i.err_type)) AS type,
    argMaxMerge(i.latest_message) AS message,
    toString(any(i.err_file_path)) AS file_path,
    any(i.err_line_number) AS line_number,
    argMaxMerge(i.latest_level) AS level,
    'NEW' AS status,
    sum(i.count) AS count,
    uniqMerge(i.users) AS users,
    min(i.first_seen) AS first_seen,
    max(i.last_seen) AS last_seen,
    arraySort(groupUniqArrayMerge(100)(i.environments)) AS environments,
    arraySort(groupUniqArrayMerge(100)(i.versions)) AS versions
FROM issue_store AS i
WHERE i.issue_id IN {ids:Array(UInt64)}
GROUP BY i.issue_id
LIMIT {limit:UInt32}
