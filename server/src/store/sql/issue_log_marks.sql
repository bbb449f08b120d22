SELECT t.server AS server, max(t.batch) AS batch
FROM issue_transitions AS t
WHERE t.server != {own:UInt16}
GROUP BY t.server
LIMIT {limit:UInt32}
