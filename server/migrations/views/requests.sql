-- One row of event_store each, never grouped: a bound on time, and a req_id, are looked up in its index.
CREATE OR REPLACE VIEW requests
(
    id String COMMENT 'What the event is known by, wherever it is shown',
    time DateTime64(3, 'UTC') COMMENT 'When the service answered: bound this, and only that time is read',
    started_at DateTime64(3, 'UTC') COMMENT 'When the request reached the service: time less tm',
    req_id String COMMENT 'Request; a row each time that a service answered it',
    span_id String COMMENT 'The hop that is this service handling it',
    parent_id String COMMENT 'The hop that called the service',
    project LowCardinality(String) COMMENT 'The service',
    environment LowCardinality(String) COMMENT 'Where that service runs',
    version LowCardinality(String) COMMENT 'Version of that service',
    hostname LowCardinality(String) COMMENT 'Host of that service',
    level UInt8 COMMENT 'Level of the record that says so: 50 and above if handling it failed',
    url String COMMENT 'What the client asked for',
    uid String COMMENT 'User',
    rrdid String COMMENT 'Client: long-lived cookie or device',
    ip String COMMENT 'Address of the client',
    ua LowCardinality(String) COMMENT 'User agent of the client',
    method LowCardinality(String) COMMENT 'HTTP method',
    route LowCardinality(String) COMMENT 'Matched path, as /users/{id}',
    status UInt16 COMMENT 'HTTP status of the answer, 0 = none',
    tm Nullable(Float64) COMMENT 'Handling time in milliseconds',
    extra String COMMENT 'Everything else, k=v k2=v2'{columns}
)
AS
SELECT
    {event.id} AS id, time,
    fromUnixTimestamp64Milli(toUnixTimestamp64Milli(event_store.time) - toInt64(round(ifNull(event_store.tm, 0))), 'UTC') AS started_at,
    req_id, span_id, parent_id, project, environment, version, hostname, level, url, uid, rrdid, ip, ua, method, route,
    status, tm, extra{select}
FROM event_store
WHERE event = 'client-res';
