-- One wide, immutable row an event. The columns are those of the table of fields (server/src/event/columns.rs), and a test holds
-- the two together; `batch` and `ordinal` are put before them when an event is sent.
--
-- The key: five minutes of time first, because every question has a time; then the request, whose records then lie together
-- whatever the project, are found by the key and say what they have in common once; then the project, because the records of
-- one have most in common. UUIDv7 are in the order of time themselves. A bound on time alone finds its granules by the
-- index on it, a project that writes little by the index on that.
--
-- Parts stay in one file up to some five million rows: a look-up reads every column, and each file to open costs it as much
-- as the block that it unpacks from there. For the same reason a string is one stream, not its sizes and its bytes, and a
-- column that is mostly empty holds only what is there. Larger parts have a file a column, for those who read few columns of
-- many rows.
--
-- Merges wait for twice as many parts as usual: each row is written again less often, which is a tenth of what ClickHouse
-- does under full load. Parts follow each other in time, so that most of them are no work for a question. A day to which
-- nothing came for ten minutes becomes one part.
--
-- What is a day old and does not change any more is packed once more and better. Ids are random: the quick level packs them best.
CREATE TABLE IF NOT EXISTS event_store
(
    batch UInt64 COMMENT 'Which insert of the writer brought the row' CODEC(Delta(8), ZSTD(1)),
    ordinal UInt32 COMMENT 'Which of the events of that batch with the same time it is, from 0, in the order of arrival' CODEC(ZSTD(1)),
    received_at DateTime64(3, 'UTC') COMMENT 'When the server accepted it' CODEC(Delta(8), ZSTD(1)),
    time DateTime64(3, 'UTC') COMMENT 'When it happened, by the clock of the client unless that was wild' CODEC(Delta(8), ZSTD(1)),
    client_time String COMMENT 'The time that the client sent if it was wild and is therefore not used, else empty',
    source LowCardinality(String) COMMENT 'report or record: by which way it came',
    project LowCardinality(String) COMMENT 'project_id of a report, name of a record',
    environment LowCardinality(String) COMMENT 'development, staging, production or another word in lower case',
    version LowCardinality(String) COMMENT 'Version of the program',
    commit_hash LowCardinality(String) COMMENT 'Git commit of the program',
    level UInt8 COMMENT 'Number of bunyan: 60 fatal, 50 error, 40 warn, 30 info, 20 debug, 10 trace',
    scope LowCardinality(String) COMMENT 'desc, stat, visit or biz',
    event LowCardinality(String) COMMENT 'client-req, service-start, service-end, service-err, trace or client-res',
    hostname LowCardinality(String) COMMENT 'Host of the program',
    pid UInt32 COMMENT 'Process of the program, 0 = unknown' CODEC(T64, ZSTD(1)),
    msg LowCardinality(String) COMMENT 'The constant text',
    extra String COMMENT 'Everything else, k=v k2=v2',
    req_id String COMMENT 'The request that it belongs to' CODEC(ZSTD(1)),
    span_id String COMMENT 'The hop of the request that wrote it' CODEC(ZSTD(1)),
    parent_id String COMMENT 'The hop before that' CODEC(ZSTD(1)),
    uid String COMMENT 'User' CODEC(ZSTD(1)),
    rrdid String COMMENT 'Client: long-lived cookie or device' CODEC(ZSTD(1)),
    url String COMMENT 'What the client asked for',
    ip String COMMENT 'Address of the client',
    ua LowCardinality(String) COMMENT 'User agent of the client',
    tm Nullable(Float64) COMMENT 'Handling time of the request in milliseconds',
    method LowCardinality(String) COMMENT 'HTTP method of the request, of client-req and client-res',
    route LowCardinality(String) COMMENT 'Matched path of the request, as /users/{id}, of client-req and client-res',
    status UInt16 COMMENT 'HTTP status of the answer, of client-res; 0 = none',
    state LowCardinality(String) COMMENT 'How the hop ended whose end it is: ok, error or unfinished; empty = it is no end',
    issue_id UInt64 COMMENT 'The issue that it is an occurrence of, 0 = none',
    fingerprint FixedString(16) COMMENT 'Fingerprint of the issue that it is an occurrence of, zeros = none',
    err_type LowCardinality(String) COMMENT 'Type of the error',
    err_msg String COMMENT 'What the error says',
    err_stack String COMMENT 'Its stack, lines joined by line feeds',
    err_file_path LowCardinality(String) COMMENT 'File that raised it',
    err_line_number UInt32 COMMENT 'Line in that file, 0 = unknown' CODEC(T64, ZSTD(1)),
    service_host LowCardinality(String) COMMENT 'Called host',
    service_path String COMMENT 'Called path',
    service_route LowCardinality(String) COMMENT 'Called path with numbers and ids replaced by {id}',
    service_payload String COMMENT 'What was sent there',
    service_http_code Nullable(UInt16) COMMENT 'HTTP status of the answer',
    service_tm Nullable(Float64) COMMENT 'Duration of the call in milliseconds',
    service_body String COMMENT 'The answer',
    service_err String COMMENT 'Why there is none',
    perf_rss Nullable(UInt64) COMMENT 'Resident memory in bytes',
    perf_cpu Nullable(Float64) COMMENT 'Percent of one core',
    event_id String COMMENT 'The id that the client gave to the event',
    retention_days UInt16 DEFAULT 400 COMMENT 'Days after which the event is deleted',
    attributes String COMMENT 'JSON object: the context of a report, the unknown keys of a record; empty = none',
    INDEX req_id_bloom req_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX project_set project TYPE set(16) GRANULARITY 1,
    INDEX issue_id_bloom issue_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX time_minmax time TYPE minmax GRANULARITY 1,
    INDEX batch_minmax batch TYPE minmax GRANULARITY 1
)
ENGINE = {engine:MergeTree}
PARTITION BY toDate(time)
ORDER BY (toStartOfFiveMinutes(time), req_id, project, time)
TTL toDate(time) + toIntervalDay(retention_days),
    toDate(time) + toIntervalDay(2) RECOMPRESS CODEC(ZSTD(9))
SETTINGS min_compress_block_size = 32768, min_bytes_for_wide_part = 1073741824, merge_selector_base = 12,
    min_age_to_force_merge_seconds = 600, min_age_to_force_merge_on_partition_only = 1,
    default_compression_codec = 'ZSTD(1)', string_serialization_version = 'single_stream',
    nullable_serialization_version = 'allow_sparse', ratio_of_defaults_for_sparse_serialization = 0.5,
    {durable};
