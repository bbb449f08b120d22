SELECT DISTINCT batch
FROM event_store
WHERE batch > {after:UInt64}
ORDER BY batch DESC
LIMIT {limit:UInt32}
