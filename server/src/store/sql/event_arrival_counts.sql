SELECT e.batch AS batch, count() AS count
FROM event_store AS e
WHERE e.batch >= {first:UInt64} AND e.batch <= {last:UInt64}
    AND (empty({only:Array(UInt64)}) OR has({only:Array(UInt64)}, e.batch))
    AND {condition}
GROUP BY batch
ORDER BY batch
