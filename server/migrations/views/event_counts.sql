CREATE OR REPLACE VIEW event_counts
(
    quarter DateTime('UTC') COMMENT 'Start of the quarter of an hour',
    project LowCardinality(String) COMMENT 'project_id of a report, name of a record',
    environment LowCardinality(String) COMMENT 'development, staging, production or another word in lower case',
    version LowCardinality(String) COMMENT 'Version of the program',
    hostname LowCardinality(String) COMMENT 'Host of the program',
    level UInt8 COMMENT 'Number of bunyan: 60 fatal, 50 error, 40 warn, 30 info, 20 debug, 10 trace',
    scope LowCardinality(String) COMMENT 'desc, stat, visit or biz',
    event LowCardinality(String) COMMENT 'client-req, service-start, service-end, service-err, trace or client-res',
    state LowCardinality(String) COMMENT 'How the hop ended whose end it is: ok, error or unfinished; empty = it is no end',
    method LowCardinality(String) COMMENT 'HTTP method of the request',
    route LowCardinality(String) COMMENT 'Matched path of the request, as /users/{id}',
    status UInt16 COMMENT 'HTTP status of the answer, 0 = none',
    service_host LowCardinality(String) COMMENT 'Called host',
    err_type LowCardinality(String) COMMENT 'Type of the error',
    msg LowCardinality(String) COMMENT 'The constant text',
    count UInt64 COMMENT 'Events: add them up with sum(count)'
)
AS
SELECT
    quarter, project, environment, version, hostname, level, scope, event, state, method, route, status, service_host,
    err_type, msg, count
FROM event_count_store;
