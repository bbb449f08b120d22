SELECT toUnixTimestamp64Milli(min(r.first_time)) AS first, toUnixTimestamp64Milli(max(r.last_time)) AS last
FROM request_time_store AS r
WHERE r.req_id = {req_id:String}
GROUP BY r.req_id
LIMIT 1
