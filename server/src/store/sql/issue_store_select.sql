SELECT
    e.issue_id AS issue_id,
    e.fingerprint AS fingerprint,
    any(e.project) AS project,
    any(e.err_type) AS err_type,
    any(e.err_file_path) AS err_file_path,
    any(e.err_line_number) AS err_line_number,
    count() AS count,
    uniqStateIf(e.uid, e.uid != '') AS users,
    min(e.time) AS first_seen,
    max(e.time) AS last_seen,
    argMaxState(e.err_msg, e.time) AS latest_message,
    argMaxState(e.level, e.time) AS latest_level,
    groupUniqArrayState(100)(CAST(e.environment, 'String')) AS environments,
    groupUniqArrayStateIf(100)(CAST(e.version, 'String'), e.version != '') AS versions,
    groupUniqArrayState(100)(e.level) AS levels,
    if(rowNumberInAllBlocks() = 0, map(toUInt16(bitAnd(max(e.batch), 2047)), max(e.batch)), map()) AS batches
FROM {source} AS e
WHERE e.issue_id != 0
GROUP BY e.issue_id, e.fingerprint
