//! What can happen to the files of a server that is down.

use std::fmt;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use fastrand::Rng;

use super::super::disk::copy_all;

/// Most bytes that are changed in one place.
const FLIPPED_BYTES_AT_MOST: usize = 64;

/// The files beside the spool.
const MARKS: [&str; 2] = ["spool.mark", "spool.noted"];

/// A way to damage what lies on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Harm {
    FlipBytes,
    CutFile,
    RemoveFile,
    RemoveKeyspace,
    RemoveSpool,
    SpoilMark,
    RemoveMark,
    /// What the spool was some rounds ago, without what lies beside it.
    OlderSpool,
    OlderSpoolAndMark,
    RemoveStore,
    OlderStore,
}

/// How often each of them is chosen.
const WEIGHTS: [(Harm, u32); 11] = [
    (Harm::FlipBytes, 30),
    (Harm::CutFile, 15),
    (Harm::RemoveFile, 12),
    (Harm::RemoveKeyspace, 8),
    (Harm::RemoveSpool, 6),
    (Harm::SpoilMark, 6),
    (Harm::RemoveMark, 6),
    (Harm::OlderSpool, 6),
    (Harm::OlderSpoolAndMark, 8),
    (Harm::RemoveStore, 4),
    (Harm::OlderStore, 4),
];

/// What was done.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) harm: Harm,
    what: String,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl Harm {
    pub(super) fn any(rng: &mut Rng) -> Self {
        let mut rest = rng.u32(0..WEIGHTS.iter().map(|(_, weight)| weight).sum());
        for (harm, weight) in WEIGHTS {
            if rest < weight {
                return harm;
            }
            rest -= weight;
        }
        Harm::FlipBytes
    }

    /// Whether ClickHouse itself loses something by it.
    pub(super) fn is_of_store(self) -> bool {
        matches!(self, Harm::RemoveStore | Harm::OlderStore)
    }

    /// Whether nothing newer is left by both together that could tell what was there.
    pub(super) fn hides(self, other: Self) -> bool {
        self == Harm::OlderSpoolAndMark && other.is_of_store()
    }

    /// Damages the data in `data`. `None` if there is nothing of this kind, such as no older copy in `older`.
    pub(super) fn inflict(self, rng: &mut Rng, data: &Path, older: &Path) -> Result<Option<Done>> {
        let spool = data.join("spool");
        let what = match self {
            Harm::FlipBytes => on_file(&spool, rng, flip)?,
            Harm::CutFile => on_file(&spool, rng, cut)?,
            Harm::RemoveFile => on_file(&spool, rng, |_rng, path| {
                fs::remove_file(path)?;
                Ok("removed".to_owned())
            })?,
            Harm::RemoveKeyspace => match pick(rng, folders(&spool.join("keyspaces"))?) {
                Some(path) => {
                    fs::remove_dir_all(&path)?;
                    Some(format!("folder {} removed", shown(&path, data)))
                }
                None => None,
            },
            Harm::RemoveSpool => is_there(&spool)
                .then(|| fs::remove_dir_all(&spool))
                .transpose()?
                .map(|()| "spool removed".to_owned()),
            Harm::SpoilMark => {
                let path = data.join(MARKS[rng.usize(0..MARKS.len())]);
                if is_there(&path) {
                    let done = if rng.bool() { flip(rng, &path)? } else { cut(rng, &path)? };
                    Some(format!("{} {done}", shown(&path, data)))
                } else {
                    None
                }
            }
            Harm::RemoveMark => {
                let path = data.join(MARKS[rng.usize(0..MARKS.len())]);
                is_there(&path)
                    .then(|| fs::remove_file(&path))
                    .transpose()?
                    .map(|()| format!("{} removed", shown(&path, data)))
            }
            Harm::OlderSpool => put_back(&["spool"], data, older)?,
            Harm::OlderSpoolAndMark => put_back(&["spool", MARKS[0], MARKS[1]], data, older)?,
            Harm::RemoveStore => {
                fs::remove_dir_all(data.join("clickhouse"))?;
                Some("clickhouse removed".to_owned())
            }
            Harm::OlderStore => put_back(&["clickhouse"], data, older)?,
        };
        Ok(what.map(|what| Done { harm: self, what }))
    }
}

/// Keeps what lies in `data` now, to be put back later.
pub(super) fn keep(data: &Path, older: &Path) -> Result<()> {
    if is_there(older) {
        fs::remove_dir_all(older)?;
    }
    copy_all(data, older)
}

fn put_back(names: &[&str], data: &Path, older: &Path) -> Result<Option<String>> {
    if !is_there(&older.join(names[0])) {
        return Ok(None);
    }
    for name in names {
        let (from, to) = (older.join(name), data.join(name));
        if to.is_dir() {
            fs::remove_dir_all(&to)?;
        } else if is_there(&to) {
            fs::remove_file(&to)?;
        }
        if is_there(&from) {
            copy_all(&from, &to)?;
        }
    }
    Ok(Some(format!("an older {} put back", names.join(", "))))
}

/// Half of the time a journal: there are fewer of these.
fn on_file(
    spool: &Path,
    rng: &mut Rng,
    harm: impl FnOnce(&mut Rng, &Path) -> Result<String>,
) -> Result<Option<String>> {
    let (journals, others): (Vec<_>, Vec<_>) = files(spool)?
        .into_iter()
        .filter(|path| path.metadata().is_ok_and(|file| file.len() > 0))
        .partition(|path| path.extension().is_some_and(|extension| extension == "jnl"));
    let (first, second) = if rng.bool() { (journals, others) } else { (others, journals) };
    let Some(path) = pick(rng, first).or_else(|| pick(rng, second)) else { return Ok(None) };
    let done = harm(rng, &path)?;
    Ok(Some(format!("{} {done}", shown(&path, spool))))
}

fn flip(rng: &mut Rng, path: &Path) -> Result<String> {
    let file = File::options().read(true).write(true).open(path)?;
    let written = written(path)?;
    let at = rng.u64(0..written.max(1));
    let mut bytes = vec![0; rng.usize(1..=FLIPPED_BYTES_AT_MOST)];
    let count = file.read_at(&mut bytes, at)?;
    bytes.truncate(count);
    bytes.iter_mut().for_each(|byte| *byte ^= rng.u8(1..));
    file.write_all_at(&bytes, at)?;
    Ok(format!("{count} bytes flipped at {at} of {written}"))
}

fn cut(rng: &mut Rng, path: &Path) -> Result<String> {
    let written = written(path)?;
    let length = rng.u64(0..written.max(1));
    File::options().write(true).open(path)?.set_len(length)?;
    Ok(format!("cut to {length} of {written}"))
}

/// The bytes of a file that were written: a journal is made larger than what is in it.
fn written(path: &Path) -> Result<u64> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1))
}

/// All files below, in the order of their names, so that a seed means the same.
fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if is_there(directory) {
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
        }
    }
    found.sort();
    Ok(found)
}

fn folders(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if is_there(directory) {
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            found.extend(path.is_dir().then_some(path));
        }
    }
    found.sort();
    Ok(found)
}

fn pick(rng: &mut Rng, mut paths: Vec<PathBuf>) -> Option<PathBuf> {
    (!paths.is_empty()).then(|| paths.swap_remove(rng.usize(0..paths.len())))
}

fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

fn shown(path: &Path, within: &Path) -> String {
    path.strip_prefix(within).unwrap_or(path).display().to_string()
}
