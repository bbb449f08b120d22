SELECT
    toString(e.project) AS name,
    arraySort(groupUniqArrayIf(100)(toString(e.environment), e.environment != '')) AS environments,
    toInt64(toUnixTimestamp(max(e.quarter))) AS quarter,
    sumIf(e.count, e.quarter >= toDateTime({day:Int64}, 'UTC') AND e.quarter < toDateTime({day_end:Int64}, 'UTC')) AS events,
    sumIf(e.count, e.quarter >= toDateTime({day:Int64}, 'UTC') AND e.quarter < toDateTime({day_end:Int64}, 'UTC')
        AND e.level >= {level:UInt8}) AS errors
FROM event_count_store AS e
WHERE e.quarter >= toDateTime({since:Int64}, 'UTC') AND e.quarter < toDateTime({until:Int64}, 'UTC')
    AND ({project:String} = '' OR e.project = {project:String})
    AND ({environment:String} = '' OR e.environment = {environment:String})
GROUP BY name
ORDER BY quarter DESC, name
LIMIT {limit:UInt32}
