//! What the engine keeps of whoever started it: nothing that could be a secret.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::process::{Engine, command};

const CANARY: &str = "canary-in-the-environment";

fn environment(engine: &Engine) -> Vec<String> {
    let text = std::fs::read(format!("/proc/{}/environ", engine.child.id())).expect("environment");
    String::from_utf8_lossy(&text).split_terminator('\0').map(str::to_owned).collect()
}

#[tokio::test]
async fn nothing_of_the_environment_but_what_is_named() {
    let directory = tempfile::tempdir().expect("directory");
    let data_dir = directory.path().join("clickhouse");
    let mut started = command(&data_dir, &[]);
    started
        .env("AWS_SECRET_ACCESS_KEY", CANARY)
        .env("LOG_CENTER_ENGINE_TOKEN", CANARY)
        .env("TZ", "Asia/Tokyo")
        .env("LOG_CENTER_ENGINE_READER_MAX_RESULT_ROWS", "7");
    let engine = Engine::of(started, &data_dir);
    let kept = environment(&engine);
    assert!(!kept.iter().any(|entry| entry.contains(CANARY)), "{kept:?}");
    assert!(kept.iter().all(|entry| !entry.starts_with("PATH=") && !entry.starts_with("HOME=")), "{kept:?}");
    let pid = engine.child.id();
    for sql in [
        format!("SELECT file('/proc/self/task/{pid}/environ')"),
        format!("SELECT file('/proc/{pid}/environ')"),
        "SELECT file('/proc/thread-self/environ')".to_owned(),
        "SELECT file('/proc/self/environ')".to_owned(),
        "SELECT * FROM file('/proc/self/task/*/environ', 'LineAsString', 'a String')".to_owned(),
        "SELECT * FROM url('file:///proc/thread-self/environ', 'LineAsString', 'a String')".to_owned(),
    ] {
        let (status, text) = engine.post("user=reader", sql.clone()).await;
        assert!(status >= 400 && !text.contains(CANARY), "reader: {sql}: {status} {text}");
        let (_, text) = engine.post("", sql.clone()).await;
        assert!(!text.contains(CANARY), "{sql}: {text}");
    }
    // What is named still counts.
    assert!(kept.contains(&"TZ=Asia/Tokyo".to_owned()), "{kept:?}");
    assert_eq!(engine.ask("SELECT timezone()").await, "Asia/Tokyo");
    let (status, text) = engine.post("user=reader&max_result_rows=8", "SELECT 1").await;
    assert!(status >= 400 && text.contains("limited to 7"), "{status} {text}");
    // The arguments survived the second start.
    assert!(engine.data_dir().join("engine.xml").exists() || engine.data_dir().join("status").exists());
}

/// Descriptors that a careless starter left open are closed, whatever their numbers.
#[tokio::test]
async fn no_open_files_but_its_own() {
    let directory = tempfile::tempdir().expect("directory");
    let data_dir = directory.path().join("clickhouse");
    let secret = directory.path().join("secret");
    std::fs::write(&secret, "secret").expect("secret");
    let direct = command(&data_dir, &[]);
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg("exec 3<\"$SECRET\" 7>>\"$SECRET\" 9<\"$SECRET\"; exec \"$0\" \"$@\"")
        .arg(direct.get_program())
        .args(direct.get_args())
        .env("SECRET", &secret)
        .current_dir(direct.get_current_dir().expect("directory"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let engine = Engine::of(shell, &data_dir);
    assert_eq!(engine.ask("SELECT 1").await, "1");
    let open = open_files(engine.child.id());
    assert!(open.iter().any(|path| path.starts_with(&data_dir)), "{open:?}");
    assert!(!open.contains(&secret), "{open:?}");
}

fn open_files(pid: u32) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(Path::new("/proc").join(pid.to_string()).join("fd")).expect("files");
    entries.flatten().filter_map(|entry| std::fs::read_link(entry.path()).ok()).collect()
}
