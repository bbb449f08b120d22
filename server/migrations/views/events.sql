-- The columns are those of the table of fields.
CREATE OR REPLACE VIEW events
(
    id String COMMENT 'What the event is known by, wherever it is shown'{columns},
    batch UInt64 COMMENT 'The insert that brought it here: rows of one batch came together'
)
AS
SELECT
    {event.id} AS id{select},
    batch
FROM event_store;
