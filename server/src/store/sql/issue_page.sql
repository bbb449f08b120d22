SELECT i.issue_id AS id, toInt64({sort}) AS sort_value
FROM issue_store AS i
LEFT JOIN
(
    SELECT issue_id, toString(argMax(to_status, sequence)) AS status
    FROM issue_transitions
    GROUP BY issue_id
) AS t ON t.issue_id = i.issue_id
WHERE {where}
GROUP BY i.issue_id
HAVING {having}
ORDER BY sort_value {direction}, id {direction}
LIMIT {limit:UInt32}
