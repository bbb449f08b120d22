SELECT
    t.sequence AS sequence,
    toString(any(t.from_status)) AS `from`,
    toString(any(t.to_status)) AS `to`,
    any(t.at) AS at,
    any(t.actor) AS actor,
    any(t.note) AS note
FROM issue_transitions AS t
WHERE t.issue_id = {id:UInt64} AND t.sequence > {after:UInt64}
GROUP BY t.sequence
ORDER BY t.sequence
LIMIT {limit:UInt32}
