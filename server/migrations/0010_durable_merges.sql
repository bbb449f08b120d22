-- What a merge wrote is synced before the parts that it replaces may go, and these are kept for a minute: until somebody
-- has looked whether the merged part is whole, and for a machine that loses power.
ALTER TABLE event_store MODIFY SETTING old_parts_lifetime = 60, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;
ALTER TABLE issue_store MODIFY SETTING old_parts_lifetime = 60, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;
ALTER TABLE issue_hour_store MODIFY SETTING old_parts_lifetime = 60, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;
ALTER TABLE issue_transitions MODIFY SETTING old_parts_lifetime = 60, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;
ALTER TABLE request_minute_store MODIFY SETTING old_parts_lifetime = 60, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;
ALTER TABLE call_minute_store MODIFY SETTING old_parts_lifetime = 60, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;
ALTER TABLE performance_minute_store MODIFY SETTING old_parts_lifetime = 60, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;
ALTER TABLE event_count_store MODIFY SETTING old_parts_lifetime = 60, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;
ALTER TABLE request_time_store MODIFY SETTING old_parts_lifetime = 60, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;
