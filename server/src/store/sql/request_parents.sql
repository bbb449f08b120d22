-- Which of these hops were written, in the buckets of time in which the hops inside of them were.
SELECT DISTINCT e.req_id AS req_id, e.span_id AS span_id
FROM event_store AS e
WHERE toStartOfFiveMinutes(e.time) IN {buckets:Array(DateTime('UTC'))}
    AND e.req_id IN {ids:Array(String)}
    AND e.span_id IN {parents:Array(String)}
    AND e.event IN ('client-req', 'client-res', 'service-start', 'service-end', 'service-err')
LIMIT {limit:UInt32}
