//! The configuration file that libchdb reads when it starts.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::{Error, Options};

const FILE_NAME: &str = "engine.xml";

/// Permissions of the file.
const FILE_MODE: u32 = 0o600;

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

/// Folders below the data directory that SQL may name files in: apart from what the store keeps for itself, and empty unless
/// somebody who has the password puts something there.
const FOLDERS: [(&str, &str); 3] = [
    ("user_files_path", "user_files"),
    ("format_schema_path", "format_schemas"),
    ("user_scripts_path", "user_scripts"),
];

/// Writes the configuration into the data directory and returns its path.
///
/// In one step, and never through a link: whatever lies in the place of the old one is replaced and left as it is. The process goes
/// into the folder of SQL's own files, against which SQL's relative paths are understood.
pub(crate) fn write(options: &Options, data_dir: &Path) -> Result<PathBuf, Error> {
    for (_, folder) in FOLDERS {
        make_folder(&data_dir.join(folder))?;
    }
    let own_files = data_dir.join(FOLDERS[0].1);
    std::env::set_current_dir(&own_files)
        .map_err(|error| Error::on_path("cannot go into", &own_files, error))?;
    let path = data_dir.join(FILE_NAME);
    let text = text(options.max_memory_bytes, disk_bytes(data_dir), data_dir)?;
    // A full disk is no reason not to start with the same configuration as before.
    if is_there(&path, &text) {
        return Ok(path);
    }
    let new = data_dir.join(format!("{FILE_NAME}.{}", uuid::Uuid::new_v4().simple()));
    let written = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&new);
    let placed = written
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| std::fs::rename(&new, &path));
    if placed.is_err() {
        _ = std::fs::remove_file(&new);
    }
    placed.map_err(|error| Error::on_path("cannot write", &path, error))?;
    Ok(path)
}

/// Whether the file itself, and not one behind a link, has this text.
fn is_there(path: &Path, text: &str) -> bool {
    path.symlink_metadata().is_ok_and(|there| there.is_file() && there.len() == text.len() as u64)
        && std::fs::read(path).is_ok_and(|there| there == text.as_bytes())
}

/// A folder, and not a link to one.
fn make_folder(path: &Path) -> Result<(), Error> {
    let failed = |error| Error::on_path("cannot make the folder", path, error);
    if path.symlink_metadata().is_ok_and(|there| !there.is_dir()) {
        tracing::warn!(path = %path.display(), "removed what was in the place of a folder");
        std::fs::remove_file(path).map_err(failed)?;
    }
    std::fs::create_dir_all(path).map_err(failed)
}

pub(crate) fn absolute(path: &Path) -> Result<PathBuf, Error> {
    path.canonicalize().map_err(|error| Error::on_path("cannot resolve", path, error))
}

/// The size of the disk; the largest there is if it does not say.
fn disk_bytes(data_dir: &Path) -> u64 {
    rustix::fs::statvfs(data_dir).map_or(u64::MAX, |disk| disk.f_blocks.saturating_mul(disk.f_frsize))
}

fn text(max_memory_bytes: u64, disk_bytes: u64, data_dir: &Path) -> Result<String, Error> {
    let data_dir = data_dir.to_str().ok_or_else(|| {
        Error::new(format!("the path of the data directory must be UTF-8: {}", data_dir.display()))
    })?;
    let data_dir = data_dir.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let folders: String = FOLDERS
        .iter()
        .map(|(setting, folder)| format!("    <{setting}>{data_dir}/{folder}/</{setting}>\n"))
        .collect();
    let insert_reserve = INSERT_RESERVE_BYTES.min(disk_bytes / INSERT_RESERVE_SHARE);
    let merge_reserve = insert_reserve / MERGE_RESERVE_DIVISOR;
    let statements = max_memory_bytes / 100 * ALLOCATED_PERCENT;
    let mark = max_memory_bytes / MARK_CACHE_SHARE;
    let index = max_memory_bytes / INDEX_CACHE_SHARE;
    let small = max_memory_bytes / SMALL_CACHE_SHARE;
    Ok(format!(
        "<!-- Written by log-center at every start; changes are lost. -->
<clickhouse>
{folders}    <max_server_memory_usage>{statements}</max_server_memory_usage>
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
    ))
}
