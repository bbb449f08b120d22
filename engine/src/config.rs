//! The configuration file that libchdb reads when it starts.

use std::path::{Path, PathBuf};

use crate::{Error, Options};

const FILE_NAME: &str = "engine.xml";

/// Shares of the memory limit that caches may grow to, as divisors. ClickHouse's own defaults are sized
/// for machines of their own (5 GiB of marks alone). Together they stay under a third of the limit.
const MARK_CACHE_SHARE: u64 = 16;
const INDEX_CACHE_SHARE: u64 = 32;
const SMALL_CACHE_SHARE: u64 = 64;

/// Share of the limit that ClickHouse may allocate. The rest is for the library's own pages (180 MB) and what
/// the allocator keeps for a moment.
const ALLOCATED_PERCENT: u64 = 75;

/// How often ClickHouse looks at what its allocator really holds, refuses what would exceed it, and gives
/// freed pages back. It must ask the allocator (`memory_worker_use_cgroup` 0): what it reads of a cgroup
/// was seen to be a fraction of the truth, and the limit then to hold nothing.
const MEMORY_CHECK_MS: u32 = 50;

/// Idle threads that ClickHouse keeps for the next statement; each costs stack and allocator memory.
const IDLE_THREADS: u32 = 32;

/// How much room inserts leave on the disk, in bytes: 32 MiB, or a fortieth of a disk smaller than 1.25 GiB. With less
/// room they are refused before they write anything. Whoever fills the disk through this engine should stop at
/// twice as much, so that what was taken can still be inserted and merged.
const INSERT_RESERVE_BYTES: u64 = 32 << 20;
const INSERT_RESERVE_SHARE: u64 = 40;

/// How much room merges leave: half of what inserts do. A merge reserves what it will write before it starts.
const MERGE_RESERVE_DIVISOR: u64 = 2;

/// Writes the configuration into the data directory and returns its path.
pub(crate) fn write(options: &Options) -> Result<PathBuf, Error> {
    let path = options.data_dir.join(FILE_NAME);
    std::fs::write(&path, text(options.max_memory_bytes, disk_bytes(&options.data_dir)))
        .map_err(|error| Error::on_path("cannot write", &path, error))?;
    absolute(&path)
}

pub(crate) fn absolute(path: &Path) -> Result<PathBuf, Error> {
    path.canonicalize().map_err(|error| Error::on_path("cannot resolve", path, error))
}

/// The size of the disk; the largest there is if it does not say.
fn disk_bytes(data_dir: &Path) -> u64 {
    rustix::fs::statvfs(data_dir).map_or(u64::MAX, |disk| disk.f_blocks.saturating_mul(disk.f_frsize))
}

fn text(max_memory_bytes: u64, disk_bytes: u64) -> String {
    let insert_reserve = INSERT_RESERVE_BYTES.min(disk_bytes / INSERT_RESERVE_SHARE);
    let merge_reserve = insert_reserve / MERGE_RESERVE_DIVISOR;
    let statements = max_memory_bytes / 100 * ALLOCATED_PERCENT;
    let mark = max_memory_bytes / MARK_CACHE_SHARE;
    let index = max_memory_bytes / INDEX_CACHE_SHARE;
    let small = max_memory_bytes / SMALL_CACHE_SHARE;
    format!(
        "<!-- Written by log-center at every start; changes are lost. -->
<clickhouse>
    <max_server_memory_usage>{statements}</max_server_memory_usage>
    <memory_worker_period_ms>{MEMORY_CHECK_MS}</memory_worker_period_ms>
    <memory_worker_use_cgroup>0</memory_worker_use_cgroup>
    <memory_worker_purge_total_memory_threshold_ratio>0.5</memory_worker_purge_total_memory_threshold_ratio>
    <memory_worker_purge_dirty_pages_threshold_ratio>0.05</memory_worker_purge_dirty_pages_threshold_ratio>
    <mark_cache_size>{mark}</mark_cache_size>
    <primary_index_cache_size>{index}</primary_index_cache_size>
    <index_mark_cache_size>{index}</index_mark_cache_size>
    <uncompressed_cache_size>0</uncompressed_cache_size>
    <index_uncompressed_cache_size>0</index_uncompressed_cache_size>
    <query_condition_cache_size>{small}</query_condition_cache_size>
    <compiled_expression_cache_size>{small}</compiled_expression_cache_size>
    <text_index_tokens_cache_size>{small}</text_index_tokens_cache_size>
    <text_index_header_cache_size>{small}</text_index_header_cache_size>
    <text_index_postings_cache_size>{small}</text_index_postings_cache_size>
    <vector_similarity_index_cache_size>{small}</vector_similarity_index_cache_size>
    <parquet_metadata_cache_size>{small}</parquet_metadata_cache_size>
    <iceberg_metadata_files_cache_size>{small}</iceberg_metadata_files_cache_size>
    <mmap_cache_size>64</mmap_cache_size>
    <max_thread_pool_free_size>{IDLE_THREADS}</max_thread_pool_free_size>
    <max_io_thread_pool_free_size>0</max_io_thread_pool_free_size>
    <storage_configuration>
        <disks><default><keep_free_space_bytes>{merge_reserve}</keep_free_space_bytes></default></disks>
    </storage_configuration>
    <merge_tree>
        <min_free_disk_bytes_to_perform_insert>{insert_reserve}</min_free_disk_bytes_to_perform_insert>
    </merge_tree>
    <remote_servers></remote_servers>
    <send_crash_reports><enabled>false</enabled></send_crash_reports>
</clickhouse>
"
    )
}
