//! Other programs that do one thing and end: npm, tar, cargo, node.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::thread;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::interrupt;
use crate::server::explain;

/// Runs `command` to its end and fails unless it succeeds. What it prints is seen as it comes.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let name = shown(command);
    let child = command.spawn().with_context(|| format!("cannot run `{name}`"))?;
    let status = wait(child, || {})?;
    if !status.success() {
        bail!("`{name}` failed ({}); its messages are above", explain(status));
    }
    Ok(())
}

/// Waits for `child`, calling `meanwhile` several times a second. ^C asks the child to stop and waits for that too.
pub(crate) fn wait(mut child: Child, mut meanwhile: impl FnMut()) -> Result<ExitStatus> {
    let mut asked_to_stop = false;
    loop {
        if let Some(status) = child.try_wait().context("cannot wait for a child")? {
            interrupt::check()?;
            return Ok(status);
        }
        if interrupt::requested() && !asked_to_stop {
            let _already_gone = kill_process(Pid::from_child(&child), Signal::TERM);
            asked_to_stop = true;
        }
        if interrupt::insisted() {
            let _already_gone = child.kill();
        }
        meanwhile();
        thread::sleep(interrupt::POLL_INTERVAL);
    }
}

/// Where the program `name` is that the PATH leads to.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(name)).find(|file| Path::is_file(file))
}

/// Whether `command` runs and succeeds; what it prints is not shown.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let program = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy().into_owned());
    std::iter::once(program).chain(arguments).collect::<Vec<_>>().join(" ")
}
