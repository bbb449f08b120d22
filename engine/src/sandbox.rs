//! What the process may touch once the engine runs.
//!
//! A reader's connection refuses table functions that reach outside, but ClickHouse still reads any
//! file through the scalar function `file()` and would run, write or connect for a user with full
//! rights. Landlock closes all of that at the kernel: nothing is readable but what the engine needs,
//! nothing writable but the data directory, nothing executable, no TCP connection leaves, no further
//! port opens.

use std::path::Path;

use serde::Serialize;

use crate::Error;

/// How much of the sandbox the kernel could give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Sandbox {
    Enforced,
    Partial,
    None,
}

/// Restricts the calling thread and every thread it starts from now on, for good.
#[cfg(target_os = "linux")]
pub(crate) fn enter(data_dir: &Path) -> Result<Sandbox, Error> {
    use landlock::{
        ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
        RulesetCreatedAttr as _, RulesetStatus, Scope, path_beneath_rules,
    };

    /// The newest Landlock interface that this list was written for; older kernels give less.
    const WANTED: ABI = ABI::V6;

    /// Read by ClickHouse while it runs: sizes of the machine, its own memory use, time zones, randomness.
    /// Not all of `/proc`: `/proc/self/environ` may hold secrets.
    const READABLE: [&str; 18] = [
        "/proc/cpuinfo",
        "/proc/loadavg",
        "/proc/meminfo",
        "/proc/stat",
        "/proc/uptime",
        "/proc/sys",
        "/proc/self/cgroup",
        "/proc/self/io",
        "/proc/self/maps",
        "/proc/self/mountinfo",
        "/proc/self/stat",
        "/proc/self/statm",
        "/proc/self/status",
        "/proc/self/task",
        "/sys",
        "/usr/share/zoneinfo",
        "/etc/localtime",
        "/dev/urandom",
    ];

    let restrict = || -> Result<RulesetStatus, landlock::RulesetError> {
        let status = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(WANTED))?
            .handle_access(AccessNet::from_all(WANTED))?
            .scope(Scope::from_all(WANTED))?
            .create()?
            .add_rules(path_beneath_rules(READABLE, AccessFs::from_read(WANTED) & !AccessFs::Execute))?
            .add_rules(path_beneath_rules([data_dir], AccessFs::from_all(WANTED) & !AccessFs::Execute))?
            .restrict_self()?;
        Ok(status.ruleset)
    };
    let sandbox = match restrict().map_err(|error| Error::with("cannot enter the sandbox", error))? {
        RulesetStatus::FullyEnforced => Sandbox::Enforced,
        RulesetStatus::PartiallyEnforced => Sandbox::Partial,
        RulesetStatus::NotEnforced => Sandbox::None,
    };
    match sandbox {
        Sandbox::Enforced => tracing::info!("sandboxed by Landlock"),
        Sandbox::Partial => tracing::warn!(
            "this kernel's Landlock is old and enforces the sandbox only in part (network rules need Linux 6.7, \
             all of it 6.12)"
        ),
        Sandbox::None => tracing::warn!(
            "this kernel has no Landlock: no sandbox; SQL can reach whatever this process can read, write or \
             connect to"
        ),
    }
    Ok(sandbox)
}

/// There is no Landlock here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn enter(_data_dir: &Path) -> Result<Sandbox, Error> {
    tracing::warn!(
        "no sandbox on this system: SQL can reach whatever this process can read, write or connect to"
    );
    Ok(Sandbox::None)
}
