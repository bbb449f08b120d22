//! Starting and watching engines.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longest wait for anything that must happen. Only a failing test waits that long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The password of every engine of these tests. Its file is there before the engine starts.
pub(crate) const PASSWORD: &str = "the-password-of-the-tests";

pub(crate) struct Engine {
    pub(crate) child: Child,
    pub(crate) address: String,
    pub(crate) ready: serde_json::Value,
    /// Keeps the pipe open; taken and dropped, the engine's parent looks dead.
    pub(crate) stdin: Option<ChildStdin>,
    directory: Option<TempDir>,
    data_dir: PathBuf,
}

impl Engine {
    /// A fresh engine on a free port with an empty directory.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("temporary directory");
        let data_dir = directory.path().join("clickhouse");
        let mut engine = Self::start_in(&data_dir, arguments);
        engine.directory = Some(directory);
        engine
    }

    pub(crate) fn start_in(data_dir: &Path, arguments: &[&str]) -> Self {
        Self::of(command(data_dir, arguments), data_dir)
    }

    /// The engine that this command line starts.
    pub(crate) fn of(mut command: Command, data_dir: &Path) -> Self {
        let mut child = command.spawn().expect("engine starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut line).expect("ready line");
        let ready: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|_| {
            let mut said = String::new();
            drop(child.stderr.take().map(|mut stderr| stderr.read_to_string(&mut said)));
            panic!("no ready line but {line:?}; log: {said}")
        });
        Self {
            stdin: child.stdin.take(),
            child,
            address: ready["listening"].as_str().expect("listening").to_owned(),
            ready,
            directory: None,
            data_dir: data_dir.to_path_buf(),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// A client of the official crate that may write.
    pub(crate) fn client(&self) -> clickhouse::Client {
        clickhouse::Client::default().with_url(self.url()).with_user("default").with_password(PASSWORD)
    }

    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    pub(crate) fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).expect("connection")
    }

    /// Private memory of the process, bytes; without the library's own pages.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.status_bytes("RssAnon:")
    }

    /// The most memory that was ever resident, bytes; all of it.
    pub(crate) fn most_memory_bytes(&self) -> u64 {
        self.status_bytes("VmHWM:")
    }

    fn status_bytes(&self, field: &str) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("process status");
        let line = status.lines().find(|line| line.starts_with(field)).expect("field of the status");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("KiB") * 1024
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("signal");
    }

    /// The engine that runs now in this one's directory, which it takes over.
    pub(crate) fn replaced_by(mut self, mut next: Self) -> Self {
        next.directory = self.directory.take();
        next
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        eventually("the engine ends", || {
            status = self.child.try_wait().expect("wait");
            status.is_some()
        });
        status.expect("status")
    }

    /// Runs a statement and returns the answer's text; panics on an error.
    pub(crate) async fn ask(&self, sql: &str) -> String {
        let (status, body) = self.post("", sql.to_owned()).await;
        assert_eq!(status, 200, "{sql}: {body}");
        body.trim_end().to_owned()
    }

    /// Posts a body to `/?<query>`; status and text of the answer.
    pub(crate) async fn post(&self, query: &str, body: impl Into<reqwest::Body>) -> (u16, String) {
        let answer =
            plain_client().post(format!("{}?{query}", self.url())).body(body).send().await.expect("answer");
        (answer.status().as_u16(), answer.text().await.expect("text"))
    }

    /// Waits until a statement has a certain answer.
    pub(crate) async fn until(&self, sql: &str, expected: &str) {
        let started = Instant::now();
        loop {
            let got = self.ask(sql).await;
            if got == expected {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "{sql} stays {got:?}, not {expected:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// An engine's command line, its standard streams piped.
pub(crate) fn command(data_dir: &Path, arguments: &[&str]) -> Command {
    let password_file =
        data_dir.with_file_name(format!("{}.password", data_dir.file_name().unwrap_or_default().display()));
    if !password_file.exists() {
        std::fs::create_dir_all(data_dir.parent().expect("parent")).expect("directory");
        std::fs::write(&password_file, PASSWORD).expect("password file");
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("workspace");
    let mut command = Command::new(env!("CARGO_BIN_EXE_log-center-engine"));
    command
        .current_dir(root)
        .args(["--addr", "127.0.0.1:0", "--data-dir"])
        .arg(data_dir)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[track_caller]
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Statements running now that carry this HTTP query id.
pub(crate) fn running(query_id: &str) -> String {
    format!("SELECT count() FROM system.processes WHERE Settings['log_comment'] = '{query_id}'")
}

/// A client that shows the password, and leaves bodies as they come, whatever features another crate of the workspace
/// switches on.
pub(crate) fn plain_client() -> reqwest::Client {
    let mut headers = reqwest::header::HeaderMap::new();
    headers.insert("X-ClickHouse-Key", reqwest::header::HeaderValue::from_static(PASSWORD));
    builder_without_password().default_headers(headers).build().expect("a client")
}

/// The same without the password.
pub(crate) fn stranger() -> reqwest::Client {
    builder_without_password().build().expect("a client")
}

fn builder_without_password() -> reqwest::ClientBuilder {
    reqwest::Client::builder().no_gzip().no_brotli().no_zstd().no_deflate()
}
