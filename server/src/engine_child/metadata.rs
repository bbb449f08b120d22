//! Copies of the descriptions of tables, for an engine that does not start without one of them.
//!
//! A statement that makes or changes a table while the disk is full may leave an empty description, and ClickHouse refuses
//! to start with one. So they are copied whenever the schema is whole, and empty ones are brought back before each start.

use crate::store::staging;
use std::fs::{self, read_dir};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Where ClickHouse keeps them, and where the copies are, within the directory of its data.
const ORIGINALS: &str = "metadata";
const COPIES: &str = "metadata_copies";

/// What a file is called until it is whole. ClickHouse removes these itself, and does not start with others.
const UNFINISHED: &str = "sql.tmp";

/// Copies each description that has changed.
pub(crate) fn keep(data_dir: &Path) {
    for file in descriptions(data_dir) {
        if let Err(error) = keep_one(data_dir, &file) {
            tracing::warn!(%error, file = %file.display(), "the description of a table cannot be copied");
        }
    }
}

fn keep_one(data_dir: &Path, file: &Path) -> io::Result<()> {
    let (text, copy) = (fs::read(data_dir.join(ORIGINALS).join(file))?, data_dir.join(COPIES).join(file));
    if is_empty(&text) || fs::read(&copy).is_ok_and(|kept| kept == text) {
        return Ok(());
    }
    write(&copy, &text)
}

/// Brings back what is empty.
pub(super) fn restore(data_dir: &Path) {
    for file in descriptions(data_dir) {
        if let Err(error) = restore_one(data_dir, &file) {
            tracing::error!(%error, file = %file.display(), "the description of a table is empty and cannot be brought back");
        }
    }
}

fn restore_one(data_dir: &Path, file: &Path) -> io::Result<()> {
    let original = data_dir.join(ORIGINALS).join(file);
    if !is_empty(&fs::read(&original)?) {
        return Ok(());
    }
    match fs::read(data_dir.join(COPIES).join(file)) {
        Ok(copy) if !is_empty(&copy) => {
            write(&original, &copy)?;
            tracing::warn!(file = %file.display(), "the description of a table was empty and is brought back; the disk may have been full");
        }
        _ => {
            // Made by a statement that failed, so that there is nothing in it: the schema is completed after the start.
            fs::remove_file(&original)?;
            tracing::warn!(file = %file.display(), "the description of a table was empty and is removed; the disk may have been full");
        }
    }
    Ok(())
}

/// A power cut may leave the length of a file without its content.
fn is_empty(text: &[u8]) -> bool {
    text.iter().all(|byte| *byte == 0 || byte.is_ascii_whitespace())
}

/// As a whole or not at all.
fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let unfinished = path.with_extension(UNFINISHED);
    let mut file = fs::File::create(&unfinished)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)
}

/// The files of databases and of the tables within, relative to their directory; but for tables that come and go.
fn descriptions(data_dir: &Path) -> Vec<PathBuf> {
    let directory = data_dir.join(ORIGINALS);
    let (mut found, mut open) = (Vec::new(), vec![(PathBuf::new(), 0)]);
    while let Some((within, depth)) = open.pop() {
        for entry in read_dir(directory.join(&within)).into_iter().flatten().flatten() {
            let (path, name) = (within.join(entry.file_name()), entry.file_name());
            // The tables of a database lie behind a link.
            if directory.join(&path).is_dir() {
                if depth == 0 {
                    open.push((path, 1));
                }
                continue;
            }
            let table = name.to_str().and_then(|name| name.strip_suffix(".sql"));
            if table.is_some_and(|table| !staging::is_transient(table)) {
                found.push(path);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_descriptions_are_brought_back_or_removed() {
        let data = tempfile::tempdir().unwrap();
        let path = |name: &str| data.path().join(ORIGINALS).join("db").join(name);
        fs::create_dir_all(path("")).unwrap();
        fs::write(path("kept.sql"), "ATTACH TABLE _ (x Int8)").unwrap();
        fs::write(path("event_staging_0.sql"), "").unwrap();
        keep(data.path());
        fs::write(path("kept.sql"), "").unwrap();
        fs::write(path("new.sql"), [0; 10]).unwrap();
        restore(data.path());
        assert_eq!(fs::read_to_string(path("kept.sql")).unwrap(), "ATTACH TABLE _ (x Int8)");
        assert!(!path("new.sql").exists());
        // Those that come and go are removed elsewhere.
        assert!(path("event_staging_0.sql").exists());
    }
}
