-- Which module or logger wrote an event. Few of them are different, and most records have none.
ALTER TABLE event_store ADD COLUMN IF NOT EXISTS target LowCardinality(String) COMMENT 'Which module or logger of the program wrote it' AFTER event;
