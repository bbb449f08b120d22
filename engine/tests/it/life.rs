//! Start, stop, sudden death, and who may use a directory.

use std::io::{Read as _, Write as _};
use std::process::Stdio;

use rustix::process::Signal;

use crate::process::{Engine, command, eventually, running};

#[tokio::test]
async fn says_where_it_listens() {
    let engine = Engine::start();
    assert!(engine.address.starts_with("127.0.0.1:"), "{}", engine.address);
    assert_eq!(engine.ready["version"], engine.ask("SELECT version()").await.as_str());
    assert!(["enforced", "partial", "none"].contains(&engine.ready["sandbox"].as_str().expect("sandbox")));
}

#[tokio::test]
async fn ends_in_order_when_told_to() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut engine = Engine::start();
        engine.ask("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a").await;
        engine.ask("INSERT INTO t SELECT number FROM numbers(1000)").await;
        engine.signal(signal);
        assert_eq!(engine.wait().code(), Some(0), "{signal:?}");
        let again = Engine::start_in(engine.data_dir(), &[]);
        assert_eq!(again.ask("SELECT count() FROM t").await, "1000");
    }
}

#[tokio::test]
async fn a_stop_commits_inserts_and_cancels_reads() {
    let mut engine = Engine::start();
    engine.ask("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a").await;
    let mut reader = engine.connect();
    let read = "SELECT uniqExact(number * 7) FROM numbers(100000000000)";
    let head = format!(
        "POST /?query_id=read HTTP/1.1\r\nHost: localhost\r\nX-ClickHouse-Key: the-password-of-the-tests\r\nContent-Length: {}\r\n\r\n{read}",
        read.len()
    );
    reader.write_all(head.as_bytes()).expect("read");
    let mut writer = engine.connect();
    let head = "POST /?query=INSERT+INTO+t+FORMAT+RowBinary&query_id=write HTTP/1.1\r\nHost: localhost\r\nX-ClickHouse-Key: the-password-of-the-tests\r\n\
                Content-Length: 131080\r\n\r\n";
    writer.write_all(head.as_bytes()).expect("head");
    // Enough to give the insert its turn.
    writer.write_all(&1_u64.to_le_bytes().repeat(16 << 10)).expect("first rows");
    engine.until(&running("read"), "1").await;
    engine.until(&running("write"), "1").await;
    engine.signal(Signal::TERM);
    let mut answer = String::new();
    reader.read_to_string(&mut answer).expect("answer of the read");
    assert!(answer.starts_with("HTTP/1.1 500 ") && answer.contains("Code: 394."), "{answer}");
    writer.write_all(&2_u64.to_le_bytes()).expect("second row");
    let mut answer = String::new();
    writer.read_to_string(&mut answer).expect("answer of the insert");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(engine.wait().code(), Some(0));
    let again = Engine::start_in(engine.data_dir(), &[]);
    assert_eq!(again.ask("SELECT (a, count()) FROM t GROUP BY a ORDER BY a").await, "(1,16384)\n(2,1)");
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let mut engine = Engine::start_with(&["--stop-deadline-seconds", "1"]);
    engine.ask("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a").await;
    let mut writer = engine.connect();
    let head = "POST /?query=INSERT+INTO+t+FORMAT+RowBinary&query_id=stuck HTTP/1.1\r\nHost: localhost\r\nX-ClickHouse-Key: the-password-of-the-tests\r\n\
                Content-Length: 131080\r\n\r\n";
    writer.write_all(head.as_bytes()).expect("head");
    writer.write_all(&1_u64.to_le_bytes().repeat(16 << 10)).expect("first rows");
    engine.until(&running("stuck"), "1").await;
    engine.signal(Signal::TERM);
    engine.wait();
    let again = Engine::start_in(engine.data_dir(), &[]);
    assert_eq!(again.ask("SELECT count() FROM t").await, "0");
}

#[tokio::test]
async fn acknowledged_inserts_survive_kill_9() {
    let mut engine = Engine::start();
    engine.ask("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a").await;
    for round in 0..3_u64 {
        let mut acknowledged = 0_u64;
        for row in 0..30 {
            let (status, _) = engine.post("async_insert=0", format!("INSERT INTO t VALUES ({row})")).await;
            acknowledged += u64::from(status == 200);
        }
        engine.signal(Signal::KILL);
        engine.wait();
        let data_dir = engine.data_dir().to_owned();
        // The directory belongs to the first engine; keep that one alive until the end.
        let next = Engine::start_in(&data_dir, &[]);
        let expected = (round + 1) * acknowledged;
        assert_eq!(next.ask("SELECT count() FROM t").await, expected.to_string());
        engine = engine.replaced_by(next);
    }
}

#[tokio::test]
async fn ends_when_its_parent_does() {
    let mut engine = Engine::start_with(&["--parent-pipe"]);
    engine.ask("SELECT 1").await;
    // Of a dead parent nothing is left to write to, either.
    drop(engine.child.stderr.take());
    drop(engine.stdin.take());
    assert_eq!(engine.wait().code(), Some(0));
}

#[test]
fn a_second_engine_is_told_who_has_the_directory() {
    let engine = Engine::start();
    let second = command(engine.data_dir(), &["--lock-wait-seconds", "0"]).output().expect("second engine");
    let log = String::from_utf8_lossy(&second.stderr);
    assert!(!second.status.success());
    assert!(log.contains(&engine.data_dir().display().to_string()), "{log}");
    assert!(log.contains(&format!("process {}", engine.child.id())), "{log}");
}

#[tokio::test]
async fn the_next_engine_waits_for_the_directory() {
    let first = Engine::start_with(&["--parent-pipe"]);
    let data_dir = first.data_dir().to_owned();
    let mut waiting = command(&data_dir, &[]).spawn().expect("second engine");
    let mut log = waiting.stderr.take().expect("stderr");
    let mut said = Vec::new();
    let mut buffer = [0; 4096];
    while !String::from_utf8_lossy(&said).contains("waiting for another engine") {
        let length = log.read(&mut buffer).expect("log");
        assert!(length > 0, "it ended: {}", String::from_utf8_lossy(&said));
        said.extend_from_slice(&buffer[..length]);
    }
    let mut first = first;
    drop(first.stdin.take());
    first.wait();
    let mut line = String::new();
    let mut stdout = std::io::BufReader::new(waiting.stdout.take().expect("stdout"));
    std::io::BufRead::read_line(&mut stdout, &mut line).expect("ready line");
    assert!(line.contains("listening"), "{line:?}");
    waiting.kill().expect("kill");
    waiting.wait().expect("wait");
}

#[test]
fn refuses_to_start_on_nonsense() {
    #[track_caller]
    fn check(arguments: &[&str], expected: &str) {
        let directory = tempfile::tempdir().expect("directory");
        let ended = command(directory.path(), arguments)
            .stdin(Stdio::null())
            .env_remove("LOG_CENTER_LIBCHDB")
            .output()
            .expect("engine");
        let log = String::from_utf8_lossy(&ended.stderr);
        assert!(!ended.status.success() && log.contains(expected), "{arguments:?}: {log}");
    }
    check(&["--max-memory-bytes", "1"], "--max-memory-bytes");
    check(&["--max-statements", "0"], "--max-statements");
    check(&["--libchdb", "/nowhere/libchdb.so"], "no libchdb at /nowhere/libchdb.so");
    check(&["--libchdb", "/bin/true"], "/bin/true");
}

#[test]
fn listens_to_the_network_only_when_told() {
    let directory = tempfile::tempdir().expect("directory");
    let run = |arguments: &[&str]| {
        std::process::Command::new(env!("CARGO_BIN_EXE_log-center-engine"))
            .arg("--data-dir")
            .arg(directory.path())
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .expect("engine")
    };
    let ended = run(&["--addr", "0.0.0.0:0"]);
    assert!(String::from_utf8_lossy(&ended.stderr).contains("--allow-remote"));
    assert!(!ended.status.success());
    // Told so, it gets as far as the next thing that is wrong.
    let ended = run(&["--addr", "0.0.0.0:0", "--allow-remote", "--libchdb", "/nowhere"]);
    assert!(String::from_utf8_lossy(&ended.stderr).contains("no libchdb"));
}

#[tokio::test]
async fn stays_within_its_memory() {
    const LIMIT_BYTES: u64 = 500_000_000;
    let engine = Engine::start_with(&["--max-memory-bytes", &LIMIT_BYTES.to_string()]);
    let hungry = || engine.post("", "SELECT uniqExact(number) FROM numbers(100000000000)");
    let answers = tokio::join!(hungry(), hungry(), hungry(), hungry());
    let failed = [answers.0, answers.1, answers.2, answers.3];
    assert!(failed.iter().all(|(status, text)| *status == 500 && text.contains("Code: 241.")), "{failed:?}");
    let most = engine.most_memory_bytes();
    assert!(most < LIMIT_BYTES + LIMIT_BYTES / 4, "it took {most} bytes");
    eventually("the memory is given back", || engine.memory_bytes() < LIMIT_BYTES / 2);
}
