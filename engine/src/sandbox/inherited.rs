#![expect(unsafe_code, reason = "closes descriptors that nothing in this process owns")]
//! What a process gets from whoever started it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::LazyLock;

use clap::Args as _;

use crate::{Error, Options};

/// Where the kernel keeps the environment that the process was started with. It stays there whatever the process does.
const OWN_ENVIRONMENT: &str = "/proc/self/environ";

/// What an engine takes from the environment besides its [`Options`].
const OTHER_VARIABLES: [&str; 4] = ["LD_LIBRARY_PATH", "LOG_CENTER_LOG", "RUST_BACKTRACE", "TZ"];

/// The variables of [`Options`], by the same definition that reads them.
static OPTION_VARIABLES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let command = Options::augment_args(clap::Command::new("engine"));
    command.get_arguments().filter_map(|option| option.get_env()?.to_str().map(str::to_owned)).collect()
});

/// Whether an engine may have this variable. It has no others: an environment may hold secrets, and SQL must not find them.
#[must_use]
pub fn passes_variable(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| {
        OTHER_VARIABLES.contains(&name) || OPTION_VARIABLES.iter().any(|option| option == name)
    })
}

/// Closes what whoever started this process left open, but for the standard streams.
///
/// Call it first of all: it closes whatever is open, whoever opened it.
pub fn close_inherited_files() {
    // The numbers from 3 upwards.
    const FIRST: libc::c_uint = 3;
    // SAFETY: the call touches no memory. Its caller promises that nothing in this process owns a descriptor yet, so that none is
    // closed under its owner.
    #[cfg(target_os = "linux")]
    let closed = unsafe { libc::close_range(FIRST, libc::c_uint::MAX, 0) } == 0;
    #[cfg(not(target_os = "linux"))]
    let closed = false;
    if !closed {
        close_each();
    }
}

/// For kernels before 5.9.
fn close_each() {
    let listed = std::fs::read_dir("/dev/fd").into_iter().flatten().flatten();
    let open: Vec<i32> =
        listed.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(|fd| *fd > 2).collect();
    for descriptor in open {
        // SAFETY: as above. The list was read to its end, so that its own descriptor is closed already.
        _ = unsafe { libc::close(descriptor) };
    }
}

/// Sees to it that the environment of this process holds nothing but what [`passes_variable`]: by starting this program again in
/// its own place, once, as nothing else clears what the kernel shows of it.
///
/// Call it before other threads exist, and with nothing left to be written: it may not return.
///
/// # Errors
/// The program cannot be started again.
pub fn leave_environment() -> Result<(), Error> {
    let set = environment();
    if set.iter().all(|(name, _)| passes_variable(name)) {
        return Ok(());
    }
    let program = std::env::current_exe().map_err(|error| Error::with("cannot find this program", error))?;
    let mut arguments = std::env::args_os();
    let mut again = Command::new(program);
    again.arg0(arguments.next().unwrap_or_default()).args(arguments).env_clear();
    again.envs(set.into_iter().filter(|(name, _)| passes_variable(name)));
    Err(Error::with("cannot start again without the environment", again.exec()))
}

/// As the kernel shows it, so that what a library adds at the start leads to no second round.
fn environment() -> Vec<(OsString, OsString)> {
    let Ok(text) = std::fs::read(OWN_ENVIRONMENT) else { return std::env::vars_os().collect() };
    let entries = text.split(|byte| *byte == 0).filter(|entry| !entry.is_empty());
    let pair = |entry: &[u8]| {
        let (name, value) = OsStr::from_bytes(entry)
            .as_bytes()
            .split_at_checked(entry.iter().position(|byte| *byte == b'=').unwrap_or(entry.len()))?;
        let value = value.strip_prefix(b"=").unwrap_or(value);
        Some((OsString::from_vec(name.to_vec()), OsString::from_vec(value.to_vec())))
    };
    entries.filter_map(pair).collect()
}
