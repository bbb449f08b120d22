CREATE OR REPLACE VIEW biz_events
(
    id String COMMENT 'What the event is known by, wherever it is shown',
    time DateTime64(3, 'UTC') COMMENT 'When it happened',
    project LowCardinality(String) COMMENT 'Service',
    environment LowCardinality(String) COMMENT 'Where the service runs',
    version LowCardinality(String) COMMENT 'Version of the service',
    hostname LowCardinality(String) COMMENT 'Host',
    msg LowCardinality(String) COMMENT 'What happened: a constant text to count by',
    extra String COMMENT 'Its data, k=v k2=v2',
    data Map(String, String) COMMENT 'The same as a map: data[''k''] is v, or empty if there is none',
    req_id String COMMENT 'The request in which it happened',
    uid String COMMENT 'User',
    rrdid String COMMENT 'Client: long-lived cookie or device',
    attributes String COMMENT 'JSON object: further keys of the record; empty = none'{columns}
)
AS
SELECT
    {event.id} AS id, time, project, environment, version, hostname, msg, extra,
    extractKeyValuePairsWithEscaping(extra, '=', ' ', '"', 'ACCEPT') AS data,
    req_id, uid, rrdid, attributes{select}
FROM event_store
WHERE scope = 'biz';
