-- The bounds let the index on the batch leave out what is older.
SELECT {columns}
FROM event_store AS e
WHERE e.batch >= {first:UInt64} AND e.batch <= {last:UInt64}
    AND (empty({only:Array(UInt64)}) OR has({only:Array(UInt64)}, e.batch))
    AND {condition}
ORDER BY e.batch DESC, e.time DESC, e.ordinal DESC
LIMIT {limit:UInt32}
