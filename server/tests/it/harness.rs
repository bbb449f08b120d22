//! A server of one's own, and what one asks of it.

use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tokio::sync::oneshot;

/// How long anything that must happen may take before the test fails.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// The pause between two looks at a condition.
pub const POLL: Duration = Duration::from_millis(20);

/// A running server. Dropping it kills the process and removes what it wrote.
pub struct Server {
    child: Child,
    pub api: String,
    pub dashboard: String,
    pub clickhouse: String,
    pub engine_pid: Option<u32>,
    pub database: String,
    pub client: Client,
    options: ServerOptions,
    log: PathBuf,
}

/// How a server is started; kept, so that the same one can be started again.
pub struct ServerOptions {
    data: TempDir,
    database: String,
    env: Vec<(&'static str, String)>,
}

#[derive(Deserialize)]
struct Announcement {
    api: String,
    dashboard: String,
    clickhouse: String,
    engine_pid: Option<u32>,
}

/// The ClickHouse that the servers of all tests share, if there is one.
pub fn shared_clickhouse() -> Option<String> {
    std::env::var("LOG_CENTER_CLICKHOUSE_URL").ok().filter(|url| !url.is_empty())
}

/// The password in a URL, or nothing.
fn password_of(url: &str) -> String {
    let user = url.split_once("://").and_then(|(_, rest)| rest.split_once('@'));
    user.and_then(|(user, _)| user.split_once(':')).map_or_else(String::new, |(_, word)| word.to_owned())
}

impl ServerOptions {
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let database = format!("test_{}_{number}", std::process::id());
        Self { data: TempDir::new().unwrap(), database, env: Vec::new() }
    }

    /// The database of another server.
    pub fn database_of(mut self, other: &Server) -> Self {
        self.database.clone_from(&other.database);
        self
    }

    /// The database of a server that is not started yet.
    pub fn sharing(mut self, other: &ServerOptions) -> Self {
        self.database.clone_from(&other.database);
        self
    }

    pub fn env(mut self, name: &'static str, value: impl ToString) -> Self {
        self.env.push((name, value.to_string()));
        self
    }

    pub fn data_dir(&self) -> &Path {
        self.data.path()
    }

    /// The command, not yet started.
    pub fn command(&self) -> Command {
        let mut command = Command::new(program());
        command.arg("serve");
        for name in ["API", "DASHBOARD", "ENGINE"] {
            command.env(format!("LOG_CENTER_{name}_ADDR"), "127.0.0.1:0");
        }
        command.env("LOG_CENTER_DATA_DIR", self.data.path().join("data"));
        command.env("LOG_CENTER_CLICKHOUSE_DATABASE", &self.database);
        command.env_remove("LOG_CENTER_CLICKHOUSE_URL");
        if let Some(url) = shared_clickhouse() {
            command.env("LOG_CENTER_CLICKHOUSE_URL", url);
        }
        command.env("LOG_CENTER_LIBCHDB", libchdb());
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    pub async fn start(self) -> Server {
        match self.try_start().await {
            Ok(server) => server,
            Err((_, log)) => panic!("the server did not start:\n{log}"),
        }
    }

    /// Starts it, or gives the log of one that refuses.
    pub async fn try_start(self) -> Result<Server, (Self, String)> {
        let log = self.data.path().join("log");
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let stderr = file.try_clone().unwrap();
        let mut child = self.command().stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let announcement = announcement(child.stdout.take().unwrap(), file).await;
        let Ok(Announcement { api, dashboard, clickhouse, engine_pid }) = announcement else {
            child.wait().unwrap();
            let words = std::fs::read_to_string(&log).unwrap_or_default();
            return Err((self, words));
        };
        let client = Client::builder().timeout(DEADLINE).build().unwrap();
        let database = self.database.clone();
        Ok(Server { child, api, dashboard, clickhouse, engine_pid, database, client, options: self, log })
    }
}

/// Writes every line of the server to its log, and gives the one with the addresses.
fn announcement(stdout: ChildStdout, mut log: File) -> oneshot::Receiver<Announcement> {
    let (sender, receiver) = oneshot::channel();
    let mut sender = Some(sender);
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            writeln!(log, "{line}").unwrap();
            if let Ok(announcement) = serde_json::from_str(&line)
                && let Some(sender) = sender.take()
            {
                _ = sender.send(announcement);
            }
        }
    });
    receiver
}

/// The program under test. Cargo builds it for the tests of its own crate and tells them where; the tests of `cli`, which
/// include this file, find it beside themselves, where any build of the workspace puts it.
pub fn program() -> PathBuf {
    if let Some(path) = option_env!("CARGO_BIN_EXE_log-center") {
        return path.into();
    }
    let tests = std::env::current_exe().unwrap();
    // target/debug/deps/it-… and target/debug/log-center
    let program = tests.ancestors().nth(2).unwrap().join("log-center");
    let changed = |path: &Path| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let sources = std::fs::read_to_string(program.with_extension("d")).unwrap_or_default();
    let built = changed(&program);
    let is_stale = sources.split_whitespace().skip(1).any(|path| changed(Path::new(path)) > built);
    assert!(
        built.is_some() && !is_stale,
        "{} is missing or older than its source; `cargo build --workspace` makes it",
        program.display()
    );
    program
}

/// The library that `cargo xtask` fetches, unless the environment names another.
pub fn libchdb() -> PathBuf {
    if let Some(path) = std::env::var_os("LOG_CENTER_LIBCHDB") {
        return path.into();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let pinned: Value =
        serde_json::from_str(&std::fs::read_to_string(root.join("engine/libchdb.json")).unwrap()).unwrap();
    root.join(".tools/libchdb").join(pinned["version"].as_str().unwrap()).join("libchdb.so")
}

impl Server {
    /// A server with nothing in it.
    pub async fn start() -> Self {
        ServerOptions::new().start().await
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.api))
    }

    pub fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.api))
    }

    pub async fn json(&self, path: &str) -> Value {
        let response = self.get(path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    /// Reports an error and gives the answer.
    pub async fn report(&self, report: &Value) -> Value {
        let response = self.post("/api/v1/logs/report").json(report).send().await.unwrap();
        answer(response, StatusCode::OK).await
    }

    /// The password of who may write to its ClickHouse.
    pub fn password(&self) -> String {
        let own = self.options.env.iter().find(|(name, _)| *name == "LOG_CENTER_CLICKHOUSE_URL");
        match own.map(|(_, url)| url.clone()).or_else(shared_clickhouse) {
            Some(url) => password_of(&url),
            None => {
                let elsewhere = self.options.env.iter().find(|(name, _)| *name == "LOG_CENTER_DATA_DIR");
                let own = || self.options.data_dir().join("data");
                let data = elsewhere.map_or_else(own, |(_, directory)| PathBuf::from(directory));
                std::fs::read_to_string(data.join("clickhouse.password")).unwrap().trim().to_owned()
            }
        }
    }

    /// Its ClickHouse for a server that writes there, too.
    pub fn clickhouse_for_writers(&self) -> String {
        self.clickhouse.replacen("://", &format!("://default:{}@", self.password()), 1)
    }

    /// One value of one row.
    pub async fn sql(&self, statement: &str) -> String {
        let request = self.client.post(&self.clickhouse).basic_auth("default", Some(self.password()));
        let response = request.query(&[("database", &self.database)]);
        let response = response.body(statement.to_owned()).send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert!(status.is_success(), "{statement}: {text}");
        text.trim_end().to_owned()
    }

    /// Waits until a statement gives what is expected.
    #[track_caller]
    pub fn sql_becomes<'a>(&'a self, statement: &'a str, expected: &'a str) -> impl Future<Output = ()> + 'a {
        let place = std::panic::Location::caller();
        async move {
            let started = Instant::now();
            loop {
                let found = self.sql(statement).await;
                if found == expected {
                    return;
                }
                assert!(started.elapsed() < DEADLINE, "{place}: {statement} gives {found}, not {expected}");
                tokio::time::sleep(POLL).await;
            }
        }
    }

    /// What the server has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Where it logs.
    pub fn log_file(&self) -> PathBuf {
        self.log.clone()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn options(&self) -> &ServerOptions {
        &self.options
    }

    /// Kills the process as a power switch would, and starts the same server again.
    pub async fn kill_and_restart(self) -> Server {
        let options = self.kill();
        options.start().await
    }

    /// Kills the process; its data stays.
    pub fn kill(mut self) -> ServerOptions {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.take_options()
    }

    /// Asks the process to stop, waits for it, and gives its exit code.
    pub async fn stop(mut self) -> (Option<i32>, ServerOptions) {
        signal(self.pid(), "TERM");
        let code = self.wait().await;
        (code, self.take_options())
    }

    /// Waits for the end of the process and gives its exit code.
    pub async fn wait(&mut self) -> Option<i32> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(started.elapsed() < DEADLINE, "the server does not stop:\n{}", self.log());
            tokio::time::sleep(POLL).await;
        }
    }

    fn take_options(&mut self) -> ServerOptions {
        let nothing = ServerOptions::new();
        std::mem::replace(&mut self.options, nothing)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the server's log:\n{}", self.log());
        }
    }
}

impl Drop for ServerOptions {
    /// A ClickHouse that all tests share must not end up with the tables of all of them: each costs it memory.
    fn drop(&mut self) {
        let Some(url) = shared_clickhouse() else { return };
        let bare = url.replacen(&format!("default:{}@", password_of(&url)), "", 1);
        let request = ureq::post(bare).header("X-ClickHouse-Key", password_of(&url));
        let dropped = request.send(format!("DROP DATABASE IF EXISTS {} SYNC", self.database));
        if let Err(error) = dropped {
            eprintln!("the database {} stays behind: {error}", self.database);
        }
    }
}

/// Sends a signal by its name.
pub fn signal(pid: u32, name: &str) {
    let status = Command::new("kill").args(["-s", name, &pid.to_string()]).status().unwrap();
    assert!(status.success(), "kill -{name} {pid}");
}

/// The JSON of an answer that must have this status.
#[track_caller]
pub fn answer(response: Response, expected: StatusCode) -> impl Future<Output = Value> {
    let place = std::panic::Location::caller();
    async move {
        let status = response.status();
        let text = response.text().await.unwrap();
        assert_eq!(status, expected, "{place}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{place}: {error}: {text}"))
    }
}

/// Milliseconds since 1970.
pub fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// The report of the integration guide; `line_number` makes its issue.
pub fn a_report(line_number: u32) -> Value {
    json!({
        "project_id": "rtc_backend",
        "environment": "production",
        "level": "ERROR",
        "version": "1.2.3",
        "commit_hash": "abc1234",
        "error": {
            "type": "ValueError",
            "message": "invalid literal for int() with base 10: 'abc'",
            "file_path": "apps/users/views.py",
            "line_number": line_number,
            "stack_trace": ["Traceback (most recent call last):", "ValueError: invalid literal"]
        },
        "context": {"url": "/api/users/123", "method": "GET", "user_id": "u_12345", "request_id": "req_abc123"}
    })
}
