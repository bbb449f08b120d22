CREATE OR REPLACE VIEW calls
(
    id String COMMENT 'What the event is known by, wherever it is shown',
    time DateTime64(3, 'UTC') COMMENT 'When the call of another service ended',
    project LowCardinality(String) COMMENT 'The calling service',
    environment LowCardinality(String) COMMENT 'Where that service runs',
    version LowCardinality(String) COMMENT 'Version of that service',
    hostname LowCardinality(String) COMMENT 'Host of that service',
    req_id String COMMENT 'The request in which it was made',
    span_id String COMMENT 'The hop that is the call',
    parent_id String COMMENT 'The hop that made it',
    uid String COMMENT 'User',
    event LowCardinality(String) COMMENT 'service-end = answered, service-err = failed',
    host LowCardinality(String) COMMENT 'Called host',
    path String COMMENT 'Called path',
    route LowCardinality(String) COMMENT 'Called path with numbers and ids replaced by {id}',
    payload String COMMENT 'What was sent',
    http_code Nullable(UInt16) COMMENT 'HTTP status of the answer',
    tm Nullable(Float64) COMMENT 'Duration in milliseconds',
    body String COMMENT 'The answer',
    err String COMMENT 'Why there is none'{columns}
)
AS
SELECT
    {event.id} AS id, time, project, environment, version, hostname, req_id, span_id, parent_id, uid, event, service_host AS host,
    service_path AS path, service_route AS route, service_payload AS payload, service_http_code AS http_code, service_tm AS tm,
    service_body AS body, service_err AS err{select}
FROM event_store
WHERE event IN ('service-end', 'service-err');
