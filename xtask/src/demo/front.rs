//! The nginx in front of the demo, if there is one: it makes the id of each request.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::nginx::Nginx;
use crate::{interrupt, workspace};

/// How long nginx may take until it listens.
const READY_DEADLINE: Duration = Duration::from_secs(10);

/// It takes no port 0, and a port that was free a moment ago may be somebody else's by now.
const TRIES: u32 = 5;

/// A running nginx. Dropping it ends it.
pub(super) struct Front {
    child: Child,
    _directory: TempDir,
    pub(super) url: String,
}

impl Front {
    /// Puts nginx in front of `service`, with the configuration that the tests use.
    pub(super) fn start(nginx: &Nginx, service: &str) -> Result<Self> {
        for _ in 0..TRIES {
            let mut front = Self::try_start(nginx, service)?;
            let pid_file = front._directory.path().join("nginx.pid");
            // It says its process id when it listens.
            let settled = interrupt::poll(Instant::now() + READY_DEADLINE, || {
                (pid_file.is_file() || !matches!(front.child.try_wait(), Ok(None))).then_some(())
            });
            interrupt::check()?;
            if settled.is_none() {
                bail!("nginx does not listen");
            }
            if matches!(front.child.try_wait(), Ok(None)) {
                return Ok(front);
            }
        }
        bail!("nginx does not start; its messages are above")
    }

    /// Whether it has ended by itself.
    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    fn try_start(nginx: &Nginx, service: &str) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("log-center-nginx-").tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let template = std::fs::read_to_string(workspace::root().join("e2e/nginx.conf"))
            .context("cannot read e2e/nginx.conf")?;
        let configuration = template
            .replace("127.0.0.1:PORT;", &format!("127.0.0.1:{port};"))
            .replace("GATEWAY;", &format!("{service};"));
        std::fs::write(directory.path().join("nginx.conf"), configuration)?;
        let mut command = Command::new(&nginx.program);
        command.arg("-p").arg(directory.path()).args(["-c", "nginx.conf", "-e", "stderr"]);
        command.env("LD_LIBRARY_PATH", std::env::join_paths(&nginx.libraries)?);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.spawn().context("cannot start nginx")?;
        Ok(Self { child, _directory: directory, url: format!("http://127.0.0.1:{port}") })
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        if !self.has_ended() {
            let _already_gone = kill_process(Pid::from_child(&self.child), Signal::TERM);
            let _gone = self.child.wait();
        }
    }
}
