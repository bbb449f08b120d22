SELECT toString(i.project) AS name, uniqExact(i.issue_id) AS issues
FROM issue_store AS i
WHERE i.project IN {names:Array(String)} AND i.issue_id NOT IN (
    SELECT issue_id FROM issue_transitions WHERE sequence != 0 GROUP BY issue_id HAVING argMax(to_status, sequence) NOT IN {open:Array(String)}
)
GROUP BY name
LIMIT {limit:UInt32}
