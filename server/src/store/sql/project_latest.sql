-- Of each project only the buckets are read in which its latest events are.
SELECT toString(e.project) AS name, max(e.time) AS last_seen
FROM event_store AS e
WHERE (toStartOfFiveMinutes(e.time), e.project) IN {places:Array(Tuple(DateTime('UTC'), String))}
    AND ({environment:String} = '' OR e.environment = {environment:String})
GROUP BY name
LIMIT {limit:UInt32}
