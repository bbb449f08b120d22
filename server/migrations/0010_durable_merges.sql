-- What a merge wrote is synced before the parts that it replaces may go, and these are kept for 15 seconds: the server looks
-- each second whether the merged part is whole, and a ClickHouse that starts looks before it removes anything. What is kept
-- makes each start slower, so it is removed soon then: ClickHouse would first look for it after 30 seconds.
ALTER TABLE event_store MODIFY SETTING old_parts_lifetime = 15, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1,
    cleanup_delay_period = 2, max_cleanup_delay_period = 10, cleanup_delay_period_random_add = 0;
ALTER TABLE issue_store MODIFY SETTING old_parts_lifetime = 15, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1,
    cleanup_delay_period = 2, max_cleanup_delay_period = 10, cleanup_delay_period_random_add = 0;
ALTER TABLE issue_hour_store MODIFY SETTING old_parts_lifetime = 15, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1,
    cleanup_delay_period = 2, max_cleanup_delay_period = 10, cleanup_delay_period_random_add = 0;
ALTER TABLE issue_transitions MODIFY SETTING old_parts_lifetime = 15, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1,
    cleanup_delay_period = 2, max_cleanup_delay_period = 10, cleanup_delay_period_random_add = 0;
ALTER TABLE request_minute_store MODIFY SETTING old_parts_lifetime = 15, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1,
    cleanup_delay_period = 2, max_cleanup_delay_period = 10, cleanup_delay_period_random_add = 0;
ALTER TABLE call_minute_store MODIFY SETTING old_parts_lifetime = 15, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1,
    cleanup_delay_period = 2, max_cleanup_delay_period = 10, cleanup_delay_period_random_add = 0;
ALTER TABLE performance_minute_store MODIFY SETTING old_parts_lifetime = 15, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1,
    cleanup_delay_period = 2, max_cleanup_delay_period = 10, cleanup_delay_period_random_add = 0;
ALTER TABLE event_count_store MODIFY SETTING old_parts_lifetime = 15, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1,
    cleanup_delay_period = 2, max_cleanup_delay_period = 10, cleanup_delay_period_random_add = 0;
ALTER TABLE request_time_store MODIFY SETTING old_parts_lifetime = 15, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1,
    cleanup_delay_period = 2, max_cleanup_delay_period = 10, cleanup_delay_period_random_add = 0;
