//! Gets the engine's library, the one thing that is no crate: from the npm registry, pinned and hashed by
//! `engine/libchdb.json`, to `.tools/libchdb/<version>/libchdb.so`.
//!
//! Everything happens in a scratch directory beside the target and ends in one rename, so an interrupted run leaves
//! nothing half; what a killed run left is swept by the next.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use sha2::{Digest, Sha512};

use crate::{child, interrupt, npm, workspace};

/// Names a library of the user's own; then nothing is fetched.
pub(crate) const LIBRARY_VARIABLE: &str = "LOG_CENTER_LIBCHDB";

/// Names a ClickHouse of the user's own; then no library is needed.
pub(crate) const CLICKHOUSE_VARIABLE: &str = "LOG_CENTER_CLICKHOUSE_URL";

/// Room that packed and unpacked library take together while they are fetched, in MB; named in error messages.
const SPACE_NEEDED_MB: u32 = 1_000;

/// Bytes hashed at a time.
const HASH_CHUNK_BYTES: usize = 1 << 20;

/// The prefix of scratch directories.
const SCRATCH_PREFIX: &str = ".fetching-";

/// `engine/libchdb.json`: which library the engine is written for.
#[derive(Deserialize)]
struct Pin {
    version: String,
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    /// As in `x86_64-linux`.
    target: String,
    /// The name on the npm registry.
    npm: String,
    /// `sha512-` and the digest in base64, as npm's lock files write it; absent until somebody fetched and tried it.
    integrity: Option<String>,
}

/// The one element that matters of what `npm pack --json` prints.
#[derive(Deserialize)]
struct Packed {
    filename: String,
}

/// The library to hand to the server: fetched if it is missing, `None` if none is needed or the user named one.
pub(crate) fn ensure_present() -> Result<Option<PathBuf>> {
    let named = |variable| std::env::var_os(variable).is_some_and(|value| !value.is_empty());
    if named(LIBRARY_VARIABLE) || named(CLICKHOUSE_VARIABLE) {
        return Ok(None);
    }
    let pin = Pin::read()?;
    let (package, integrity) = pin.package_for_this_platform()?;
    let versions = workspace::tools().join("libchdb");
    let library = versions.join(&pin.version).join("libchdb.so");
    if library.is_file() {
        return Ok(Some(library));
    }
    npm::require()?;
    fs::create_dir_all(&versions).with_context(|| format!("cannot create {}", versions.display()))?;
    let lock = File::create(versions.join(".lock")).context("cannot create the lock file")?;
    lock.lock().context("cannot wait for another run that is fetching the library")?;
    if !library.is_file() {
        sweep(&versions)?;
        fetch(package, integrity, &pin.version, &versions)?;
    }
    Ok(Some(library))
}

impl Pin {
    fn read() -> Result<Self> {
        let path = workspace::root().join("engine/libchdb.json");
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is not as expected", path.display()))
    }

    /// The npm package for this machine and its digest.
    fn package_for_this_platform(&self) -> Result<(&str, &str)> {
        let here = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
        let hashed =
            || self.packages.iter().filter_map(|package| Some((package, package.integrity.as_deref()?)));
        if let Some((package, integrity)) = hashed().find(|(package, _)| package.target == here) {
            return Ok((&package.npm, integrity));
        }
        let known: Vec<_> = hashed().map(|(package, _)| package.target.as_str()).collect();
        bail!(
            "engine/libchdb.json pins no library for {here} (only for {}): run a ClickHouse server and name it with \
             {CLICKHOUSE_VARIABLE}=http://user:password@host:8123, or name a libchdb of your own with \
             {LIBRARY_VARIABLE}",
            known.join(", ")
        )
    }
}

/// Removes what a killed run left. Only called with the lock held.
fn sweep(versions: &Path) -> Result<()> {
    for entry in fs::read_dir(versions).with_context(|| format!("cannot read {}", versions.display()))? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(SCRATCH_PREFIX) {
            fs::remove_dir_all(entry.path())
                .with_context(|| format!("cannot remove {}", entry.path().display()))?;
        }
    }
    Ok(())
}

fn fetch(package: &str, integrity: &str, version: &str, versions: &Path) -> Result<()> {
    let scratch = tempfile::Builder::new()
        .prefix(SCRATCH_PREFIX)
        .tempdir_in(versions)
        .with_context(|| format!("cannot create a directory in {}", versions.display()))?;
    println!("fetching the embedded ClickHouse, {} {version} (once, about 180 MB)", package);
    let archive = download(package, version, scratch.path())?;
    verify(&archive, integrity)?;
    let unpacked = scratch.path().join("unpacked");
    unpack(&archive, &unpacked)?;
    let target = versions.join(version);
    fs::rename(&unpacked, &target).with_context(|| format!("cannot create {}", target.display()))?;
    println!("the embedded ClickHouse is in {}", target.display());
    Ok(())
}

/// `npm pack` with a cache of its own, whose growth is the progress.
fn download(package: &str, version: &str, scratch: &Path) -> Result<PathBuf> {
    let cache = scratch.join("cache");
    let log = scratch.join("npm.log");
    let answer = scratch.join("npm.json");
    let child = npm::command()
        .args(["pack", "--json", &format!("{}@{version}", package)])
        .arg("--cache")
        .arg(&cache)
        .arg("--pack-destination")
        .arg(scratch)
        .current_dir(scratch)
        .stdin(Stdio::null())
        .stdout(File::create(&answer).context("cannot write npm's answer")?)
        .stderr(File::create(&log).context("cannot write npm's log")?)
        .spawn()
        .context("cannot run npm")?;
    let progress = spinner("downloading {bytes} {bytes_per_sec} {elapsed}");
    let status = child::wait(child, || progress.set_position(size_bytes(&cache)))?;
    progress.finish_and_clear();
    if !status.success() {
        bail!(
            "npm could not fetch {}@{version}; is the registry reachable, and are {SPACE_NEEDED_MB} MB free? npm said:\n{}",
            package,
            fs::read_to_string(&log).unwrap_or_default().trim()
        );
    }
    let answer = fs::read(&answer).context("cannot read npm's answer")?;
    let packed: Vec<Packed> = serde_json::from_slice(&answer).context("npm's answer is not as expected")?;
    let file = packed.first().map(|packed| Path::new(&packed.filename)).and_then(Path::file_name);
    Ok(scratch.join(file.ok_or_else(|| anyhow!("npm named no file"))?))
}

/// Fails unless `archive` has the digest that the project pins, whatever npm itself made of it.
fn verify(archive: &Path, integrity: &str) -> Result<()> {
    let mut file = File::open(archive).with_context(|| format!("cannot open {}", archive.display()))?;
    let progress = spinner("verifying {bytes}");
    let mut hash = Sha512::new();
    let mut chunk = vec![0; HASH_CHUNK_BYTES];
    loop {
        interrupt::check()?;
        let length = file.read(&mut chunk).context("cannot read the download")?;
        if length == 0 {
            break;
        }
        hash.update(&chunk[..length]);
        progress.inc(length as u64);
    }
    progress.finish_and_clear();
    let found = format!("sha512-{}", BASE64_STANDARD.encode(hash.finalize()));
    ensure!(
        found == integrity,
        "the download is not the library that engine/libchdb.json pins, and was thrown away\n  pinned: {integrity}\n  \
         found:  {found}\nIf a mirror or proxy changes packages, fetch past it; otherwise report this"
    );
    Ok(())
}

fn unpack(archive: &Path, target: &Path) -> Result<()> {
    fs::create_dir(target).with_context(|| format!("cannot create {}", target.display()))?;
    let child = Command::new("tar")
        .arg("-xzf")
        .arg(archive)
        .arg("-C")
        .arg(target)
        .args(["--strip-components=1", "package/libchdb.so"])
        .stdin(Stdio::null())
        .spawn()
        .context("cannot run tar")?;
    let progress = spinner("unpacking {bytes} {elapsed}");
    let status = child::wait(child, || progress.set_position(size_bytes(target)))?;
    progress.finish_and_clear();
    let library = target.join("libchdb.so");
    ensure!(
        status.success() && library.is_file(),
        "tar could not unpack the library; are {SPACE_NEEDED_MB} MB free?"
    );
    // The rename that follows must not become durable before the bytes.
    File::open(&library).and_then(|file| file.sync_all()).context("cannot flush the library to disk")
}

/// What lies below `directory`, in bytes; what vanishes while it is counted counts nothing.
fn size_bytes(directory: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(directory) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size_bytes(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_vanished) => 0,
        })
        .sum()
}

fn spinner(template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(&format!("  {{spinner}} {template}"));
    ProgressBar::no_length().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}
