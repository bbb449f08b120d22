//! What the process may touch, whatever SQL asks of it.
//!
//! A reader's statement is judged before it runs; this is the line behind that, and it holds for whoever writes, too:
//!
//! - [`inherited`]: no variables and no open files of whoever started the process, before anything else runs;
//! - [`calls`]: no system calls but those that the engine needs, by seccomp, before the library is loaded;
//! - [`files`]: no files but the data directory and some named ones, and no TCP, by Landlock, before ClickHouse starts.

#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod files;
pub(crate) mod inherited;

use std::path::Path;

use serde::Serialize;

use crate::Error;

/// How much of the sandbox the kernel could give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Sandbox {
    /// All of it.
    Enforced,
    /// Some of it.
    Partial,
    /// Neither Landlock nor seccomp.
    None,
}

/// Of one of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Degree {
    All,
    Some,
    None,
}

/// The sandbox before ClickHouse starts: system calls are restricted, files are not yet.
#[derive(Debug)]
pub(crate) struct Entered {
    calls: Degree,
    wanted: bool,
}

/// Restricts the system calls of all threads, for good. The engine's port must be open by now.
///
/// If not `wanted`, which only tests ask for, it does as on a kernel that has neither seccomp nor Landlock.
pub(crate) fn restrict_calls(wanted: bool) -> Entered {
    let calls = if wanted { restrict_all_calls() } else { Degree::None };
    if calls == Degree::None {
        tracing::warn!(
            "no seccomp: native code that a statement leads astray can make any system call, among them those for \
             sockets and programs"
        );
    }
    Entered { calls, wanted }
}

impl Entered {
    /// Restricts the files of the calling thread and of every thread it starts from now on, for good.
    pub(crate) fn restrict_files(self, data_dir: &Path) -> Result<Sandbox, Error> {
        let files = if self.wanted { restrict_all_files(data_dir)? } else { Degree::None };
        match files {
            Degree::All => {}
            Degree::Some => tracing::warn!(
                "this kernel's Landlock is old and holds files and network only in part (network rules need Linux \
                 6.7, all of it 6.12)"
            ),
            Degree::None => tracing::warn!(
                "no Landlock: SQL of whoever has the password can read and write what this process can"
            ),
        }
        let sandbox = match (self.calls, files) {
            (Degree::All, Degree::All) => Sandbox::Enforced,
            (Degree::None, Degree::None) => Sandbox::None,
            _ => Sandbox::Partial,
        };
        match sandbox {
            Sandbox::Enforced => tracing::info!("sandboxed by seccomp and Landlock"),
            Sandbox::Partial => {}
            Sandbox::None => tracing::warn!(
                "no sandbox at all: who reads without the password gets no table functions, as nothing but the judgement \
                 of statements stands between them and this machine"
            ),
        }
        Ok(sandbox)
    }
}

#[cfg(target_os = "linux")]
fn restrict_all_calls() -> Degree {
    calls::restrict()
}

#[cfg(target_os = "linux")]
fn restrict_all_files(data_dir: &Path) -> Result<Degree, Error> {
    files::restrict(data_dir)
}

/// There is no seccomp here.
#[cfg(not(target_os = "linux"))]
fn restrict_all_calls() -> Degree {
    Degree::None
}

/// There is no Landlock here.
#[cfg(not(target_os = "linux"))]
fn restrict_all_files(_data_dir: &Path) -> Result<Degree, Error> {
    Ok(Degree::None)
}
