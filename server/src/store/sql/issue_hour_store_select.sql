SELECT
    e.issue_id AS issue_id,
    toStartOfHour(toDateTime(e.time, 'UTC')) AS hour,
    count() AS count,
    if(rowNumberInAllBlocks() = 0, map(toUInt16(bitAnd(max(e.batch), 2047)), max(e.batch)), map()) AS batches
FROM {source} AS e
WHERE e.issue_id != 0
GROUP BY e.issue_id, hour
