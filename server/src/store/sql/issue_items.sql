SELECT
    i.issue_id AS id,
    toString(any(i.project)) AS project_id,
    lower(hex(any(i.fingerprint))) AS fingerprint,
    toString(any(i.err_type)) AS type,
    argMaxMerge(i.latest_message) AS message,
    toString(any(i.err_file_path)) AS file_path,
    any(i.err_line_number) AS line_number,
    argMaxMerge(i.latest_level) AS level,
    if(any(t.status) = '', 'NEW', any(t.status)) AS status,
    sum(i.count) AS count,
    uniqMerge(i.users) AS users,
    min(i.first_seen) AS first_seen,
    max(i.last_seen) AS last_seen,
    arraySort(groupUniqArrayMerge(100)(i.environments)) AS environments,
    arraySort(groupUniqArrayMerge(100)(i.versions)) AS versions
FROM issue_store AS i
LEFT JOIN
(
    SELECT issue_id, toString(argMax(to_status, sequence)) AS status
    FROM issue_transitions
    WHERE issue_id IN {ids:Array(UInt64)}
    GROUP BY issue_id
) AS t ON t.issue_id = i.issue_id
WHERE i.issue_id IN {ids:Array(UInt64)}
GROUP BY i.issue_id
LIMIT {limit:UInt32}
