SELECT t.issue_id AS id, toString(argMax(t.to_status, t.sequence)) AS status
FROM issue_transitions AS t
WHERE t.issue_id IN {ids:Array(UInt64)} AND t.sequence != 0
GROUP BY t.issue_id
LIMIT {limit:UInt32}
