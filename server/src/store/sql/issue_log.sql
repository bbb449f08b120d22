SELECT
    t.batch AS batch,
    toString(t.project) AS project,
    t.fingerprint AS fingerprint,
    toString(t.to_status) AS status,
    t.sequence AS sequence
FROM issue_transitions AS t
WHERE {behind}
ORDER BY t.server, t.batch
LIMIT {limit:UInt32} WITH TIES
