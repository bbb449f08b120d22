-- Batches are numbered by their time. What came before the migration can be dated as far ahead as clocks may be.
WITH (SELECT assumeNotNull(min(m.applied_at)) FROM schema_migrations AS m WHERE m.name = {migration:String}) AS began
SELECT assumeNotNull(if(earlier.count = 0, 0, toUnixTimestamp64Milli(began) + {ahead:Int64})) AS ms
FROM
(
    SELECT count() AS count
    FROM (SELECT 1 FROM event_store AS e WHERE e.batch < bitShiftLeft(toUInt64(toUnixTimestamp64Milli(began)), 11) LIMIT 1)
) AS earlier
LIMIT 1
