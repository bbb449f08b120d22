CREATE OR REPLACE VIEW requests
(
    req_id String COMMENT 'Request',
    project LowCardinality(String) COMMENT 'A service that took part: one row a request and service',
    environment LowCardinality(String) COMMENT 'Where that service runs',
    started_at DateTime64(3, 'UTC') COMMENT 'When the request reached the service',
    url String COMMENT 'What the client asked for',
    uid String COMMENT 'User',
    rrdid String COMMENT 'Client: long-lived cookie or device',
    ip String COMMENT 'Address of the client',
    ua LowCardinality(String) COMMENT 'User agent of the client',
    method LowCardinality(String) COMMENT 'HTTP method',
    route LowCardinality(String) COMMENT 'Matched path, as /users/{id}',
    status UInt16 COMMENT 'HTTP status of the answer, the highest if the service was called several times; 0 = none',
    tm Nullable(Float64) COMMENT 'Handling time in milliseconds, the longest if the service was called several times; NULL = not answered'
)
AS
SELECT
    e.req_id AS req_id,
    e.project AS project,
    any(e.environment) AS environment,
    min(e.time) AS started_at,
    any(e.url) AS url,
    max(e.uid) AS uid,
    max(e.rrdid) AS rrdid,
    any(e.ip) AS ip,
    any(e.ua) AS ua,
    any(e.method) AS method,
    any(e.route) AS route,
    max(e.status) AS status,
    max(e.tm) AS tm
FROM event_store AS e
WHERE e.event IN ('client-req', 'client-res') AND e.req_id != ''
GROUP BY e.req_id, e.project;
