//! Files and TCP, by Landlock.

use std::path::{Component, Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetStatus, Scope, path_beneath_rules,
};

use super::Degree;
use crate::Error;

/// The newest Landlock interface that this list was written for; older kernels give less.
const WANTED: ABI = ABI::V6;

/// Read by ClickHouse while it runs: sizes of the machine, its own memory use, time zones, randomness. Files by name, and no folder
/// of `/proc` or `/sys` but [`OWN_THREADS`]: beside what is needed lie the environments, arguments and open files of every process of this user.
/// A rule for a file of `/proc/self` holds for this process only.
const READABLE: [&str; 19] = [
    "/proc/cpuinfo",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/uptime",
    "/proc/sys/kernel/pid_max",
    "/proc/sys/kernel/threads-max",
    "/proc/sys/vm/max_map_count",
    "/proc/sys/vm/overcommit_memory",
    "/proc/self/cgroup",
    "/proc/self/maps",
    "/proc/self/statm",
    "/sys/devices/system/cpu/online",
    "/sys/devices/system/cpu/possible",
    "/sys/devices/system/cpu/present",
    "/usr/share/zoneinfo",
    "/etc/localtime",
    "/dev/null",
    "/dev/urandom",
];

/// The one folder: each thread of each statement opens its own `schedstat`, `stat` and `io` here, under names that no rule can foresee. Where
/// it cannot, ClickHouse throws and writes a stack trace, which costs a reader's statement 1 to 2 ms. What else lies here is this
/// process's own: an environment that holds nothing but what is named, and its arguments.
const OWN_THREADS: [&str; 1] = ["/proc/self/task"];

/// Where the limits of control groups lie.
const CGROUPS: &str = "/sys/fs/cgroup";

/// The files of a control group that say how much memory and how many processors there are; of version 2, then of version 1 with the
/// controller that they belong to.
const CGROUP_FILES: [&str; 6] =
    ["cgroup.controllers", "cpu.max", "cpuset.cpus.effective", "memory.current", "memory.max", "memory.stat"];
const OLD_CGROUP_FILES: [&str; 5] = [
    "cpu/cpu.cfs_period_us",
    "cpu/cpu.cfs_quota_us",
    "memory/memory.limit_in_bytes",
    "memory/memory.stat",
    "memory/memory.usage_in_bytes",
];

/// Most levels of control groups that are looked at.
const MAX_CGROUP_LEVELS: usize = 16;

pub(super) fn restrict(data_dir: &Path) -> Result<Degree, Error> {
    let read_file = AccessFs::from_read(WANTED) & !AccessFs::Execute;
    let all_but_execute = AccessFs::from_all(WANTED) & !AccessFs::Execute;
    // No devices, and no sockets that others could find.
    let data = all_but_execute & !AccessFs::MakeBlock & !AccessFs::MakeChar & !AccessFs::MakeSock;
    let restrict = || -> Result<RulesetStatus, landlock::RulesetError> {
        let status = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(WANTED))?
            .handle_access(AccessNet::from_all(WANTED))?
            .scope(Scope::from_all(WANTED))?
            .create()?
            .add_rules(path_beneath_rules(READABLE, read_file))?
            .add_rules(path_beneath_rules(OWN_THREADS, read_file))?
            .add_rules(path_beneath_rules(cgroup_files(), read_file))?
            .add_rules(path_beneath_rules([data_dir], data))?
            .restrict_self()?;
        Ok(status.ruleset)
    };
    Ok(match restrict().map_err(|error| Error::with("cannot enter the sandbox", error))? {
        RulesetStatus::FullyEnforced => Degree::All,
        RulesetStatus::PartiallyEnforced => Degree::Some,
        RulesetStatus::NotEnforced => Degree::None,
    })
}

/// The limits of this process's own control groups and of those around them. Files that are not there are left out by Landlock's rules.
fn cgroup_files() -> Vec<PathBuf> {
    let root = Path::new(CGROUPS);
    let mut files: Vec<PathBuf> = OLD_CGROUP_FILES.iter().map(|file| root.join(file)).collect();
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    // `0::/a/b` in version 2.
    let own = own.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    let parts = Path::new(own).components().filter(|part| matches!(part, Component::Normal(_)));
    let mut folder = root.to_path_buf();
    files.extend(CGROUP_FILES.iter().map(|file| folder.join(file)));
    for part in parts.take(MAX_CGROUP_LEVELS) {
        folder.push(part);
        files.extend(CGROUP_FILES.iter().map(|file| folder.join(file)));
    }
    files
}
