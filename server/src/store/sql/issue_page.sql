SELECT i.issue_id AS id, toInt64({sort}) AS sort_value
FROM issue_store AS i
WHERE {where}
GROUP BY i.issue_id
HAVING {having}
ORDER BY sort_value {direction}, id {direction}
LIMIT {limit:UInt32}
