-- How many records at ERROR and above some requests have in some buckets.
SELECT e.req_id AS req_id, count() AS count
FROM event_store AS e
WHERE toStartOfFiveMinutes(e.time) IN {buckets:Array(DateTime('UTC'))}
    AND e.level >= {level:UInt8}
    AND e.req_id IN {ids:Array(String)}
GROUP BY req_id
LIMIT {limit:UInt32}
