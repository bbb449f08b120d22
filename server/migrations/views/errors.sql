CREATE OR REPLACE VIEW errors
(
    id String COMMENT 'What the event is known by, wherever it is shown',
    time DateTime64(3, 'UTC') COMMENT 'When it happened',
    issue_id UInt64 COMMENT 'The issue that it is an occurrence of',
    fingerprint String COMMENT 'Fingerprint of that issue in lower-case hex',
    source LowCardinality(String) COMMENT 'report or record',
    project LowCardinality(String) COMMENT 'Project',
    environment LowCardinality(String) COMMENT 'development, staging, production or another word in lower case',
    version LowCardinality(String) COMMENT 'Version of the program',
    commit_hash LowCardinality(String) COMMENT 'Git commit of the program',
    hostname LowCardinality(String) COMMENT 'Host of the program',
    level UInt8 COMMENT '60 critical, 50 error, 40 warning',
    msg LowCardinality(String) COMMENT 'The constant text of the record; of a report, the type of the error',
    extra String COMMENT 'Everything else that the record says, k=v k2=v2',
    type LowCardinality(String) COMMENT 'Type of the error',
    message String COMMENT 'What the error says',
    file_path LowCardinality(String) COMMENT 'File that raised it',
    line_number UInt32 COMMENT 'Line in that file, 0 = unknown',
    stack_trace String COMMENT 'Its stack, lines joined by line feeds',
    req_id String COMMENT 'The request in which it happened',
    span_id String COMMENT 'The hop of that request in which it happened',
    uid String COMMENT 'User',
    rrdid String COMMENT 'Client: long-lived cookie or device',
    url String COMMENT 'What the client asked for',
    context String COMMENT 'JSON object: the context of a report, the unknown keys of a record; empty = none'{columns}
)
AS
SELECT
    {event.id} AS id, time, issue_id, lower(hex(event_store.fingerprint)) AS fingerprint, source, project, environment, version,
    commit_hash, hostname, level, msg, extra, err_type AS type, err_msg AS message, err_file_path AS file_path,
    err_line_number AS line_number, err_stack AS stack_trace, req_id, span_id, uid, rrdid, url, attributes AS context{select}
FROM event_store
WHERE issue_id != 0;
