//! A file system of a few hundred megabytes that is there as long as its value is.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

/// Sizes: a ClickHouse with some minutes of load fits in, and filling the rest takes no time.
const TMPFS_BYTES: u64 = 700 << 20;
const EXT4_BYTES: u64 = 900 << 20;

/// How long the last process that uses it may take to go before it is unmounted behind its back.
const BUSY_DEADLINE: Duration = Duration::from_secs(10);

/// How often that is tried.
const BUSY_POLL: Duration = Duration::from_millis(100);

/// What kind of file system. They differ in what they allow when they are full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Filesystem {
    /// In memory: a write fails at once
    Tmpfs,
    /// In a file: blocks are chosen after the write, and directories need blocks of their own
    Ext4,
}

/// A mounted file system, unmounted when dropped.
#[derive(Debug)]
pub(super) struct Volume {
    directory: PathBuf,
    /// The file that a loop device shows as a disk.
    image: Option<PathBuf>,
    is_mounted: bool,
}

impl Volume {
    /// Makes one and mounts it on a new directory below `within`.
    pub(super) fn new(filesystem: Filesystem, within: &Path) -> Result<Self> {
        let directory = within.join("disk");
        fs::create_dir(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
        let mut volume = Self { directory, image: None, is_mounted: false };
        let mut mount = tool("mount");
        match filesystem {
            Filesystem::Tmpfs => {
                mount.args(["-t", "tmpfs", "-o", &format!("size={TMPFS_BYTES},mode=700"), "tmpfs"]);
            }
            Filesystem::Ext4 => {
                let image = &*volume.image.insert(within.join("disk.img"));
                File::create_new(image)
                    .and_then(|file| file.set_len(EXT4_BYTES))
                    .with_context(|| format!("cannot make {}", image.display()))?;
                // No blocks for root only: server and filler shall meet the same last block, whoever they are.
                run(tool("mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(image))?;
                mount.args(["-o", "loop"]).arg(image);
            }
        }
        run(mount.arg(&volume.directory))?;
        volume.is_mounted = true;
        Ok(volume)
    }

    /// Where it is mounted.
    pub(super) fn path(&self) -> &Path {
        &self.directory
    }

    /// How many bytes are free.
    pub(super) fn free_bytes(&self) -> Result<u64> {
        let state = rustix::fs::statvfs(&self.directory).context("cannot ask for the room on the disk")?;
        Ok(state.f_bavail * state.f_frsize)
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        if self.is_mounted && !self.unmount() {
            eprintln!("{} is in use and was unmounted lazily", self.directory.display());
        }
        // What is still mounted would be emptied by a removal of everything below; this removes an empty directory only.
        let _stays_and_was_told = fs::remove_dir(&self.directory);
        if let Some(image) = &self.image {
            let _never_made = fs::remove_file(image);
        }
    }
}

impl Volume {
    /// `false`: somebody still used it.
    fn unmount(&self) -> bool {
        let deadline = Instant::now() + BUSY_DEADLINE;
        while run(tool("umount").arg(&self.directory)).is_err() {
            if Instant::now() >= deadline {
                if let Err(error) = run(tool("umount").arg("--lazy").arg(&self.directory)) {
                    eprintln!("{error:#}");
                }
                return false;
            }
            thread::sleep(BUSY_POLL);
        }
        true
    }
}

/// Copies `from` with everything below to `to`.
pub(in super::super) fn copy_all(from: &Path, to: &Path) -> Result<()> {
    run(tool("cp").arg("-a").arg(from).arg(to))
}

/// A program that a ^C in the terminal does not reach: whatever is mounted has to be unmounted.
fn tool(program: &str) -> Command {
    let mut command = Command::new(program);
    command.process_group(0);
    command
}

fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().display().to_string();
    let output = match command.output() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => bail!("there is no `{name}`"),
        output => output.with_context(|| format!("cannot run `{name}`"))?,
    };
    if !output.status.success() {
        bail!("`{name}` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
