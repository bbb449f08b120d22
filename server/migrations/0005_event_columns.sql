-- What requests are found and counted by, and how long each event is kept. Parts stay in one file until they are
-- large: a new part of some forty files takes half as long again to write, most of it in system calls.
ALTER TABLE event_store
    ADD COLUMN IF NOT EXISTS method LowCardinality(String) COMMENT 'HTTP method of the request, of client-req and client-res' AFTER tm,
    ADD COLUMN IF NOT EXISTS route LowCardinality(String) COMMENT 'Matched path of the request, as /users/{id}, of client-req and client-res' AFTER method,
    ADD COLUMN IF NOT EXISTS status UInt16 COMMENT 'HTTP status of the answer, of client-res; 0 = none' CODEC(ZSTD(1)) AFTER route,
    ADD COLUMN IF NOT EXISTS service_route LowCardinality(String) COMMENT 'Called path with numbers and ids replaced by {id}' AFTER service_path,
    ADD COLUMN IF NOT EXISTS retention_days UInt16 DEFAULT 400 COMMENT 'Days after which the event is deleted' CODEC(ZSTD(1)),
    MODIFY TTL toDate(time) + toIntervalDay(retention_days);

ALTER TABLE event_store MODIFY SETTING min_bytes_for_wide_part = 134217728;
