//! The embedded engine as a process that is watched.

use crate::harness::{DEADLINE, POLL, ServerOptions, a_report, libchdb, shared_clickhouse, signal};
use log_center_server::engine_child::{EngineChild, EngineCommand};
use std::time::{Duration, Instant};

#[tokio::test]
async fn an_engine_that_hangs_is_killed_and_started_again() {
    if shared_clickhouse().is_some() {
        return;
    }
    let server = ServerOptions::new().env("LOG_CENTER_ENGINE_HUNG_SECONDS", 5).start().await;
    server.report(&a_report(1)).await;
    server.sql_becomes("SELECT sum(count) FROM issues", "1").await;
    let engine = server.engine_pid.unwrap();
    signal(engine, "STOP");
    let started = Instant::now();
    while !server.log().contains("the engine runs again") {
        assert!(started.elapsed() < DEADLINE, "{}", server.log());
        tokio::time::sleep(POLL).await;
    }
    assert!(!std::path::Path::new(&format!("/proc/{engine}")).exists(), "the hung engine was left behind");
    server.report(&a_report(1)).await;
    server.sql_becomes("SELECT sum(count) FROM issues", "2").await;
    let metrics = server.get("/metrics").send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("log_center_engine_hung_total 1"), "{metrics}");
}

#[tokio::test]
async fn work_is_done_while_the_engine_is_down() {
    if shared_clickhouse().is_some() {
        return;
    }
    let data = tempfile::TempDir::new().unwrap();
    let engine = EngineChild::start(EngineCommand {
        password_file: None,
        program: env!("CARGO_BIN_EXE_log-center").into(),
        hung_after: Duration::from_secs(60),
        hosts: log_center_engine::site::Hosts::default(),
        addr: "127.0.0.1:0".parse().unwrap(),
        database: "log_center".to_owned(),
        data_dir: data.path().join("clickhouse"),
        libchdb: Some(libchdb()),
        memory_bytes: None,
        allow_remote: false,
    });
    let engine = engine.await.unwrap();
    let (before, addr) = (engine.pid(), engine.addr);
    let is_there = move || std::path::Path::new(&format!("/proc/{before}")).exists();
    assert!(is_there());
    let (seen, saw) = std::sync::mpsc::channel();
    let control = engine.control();
    control.while_stopped(move || seen.send(is_there()).unwrap()).await.unwrap();
    assert!(!saw.recv().unwrap(), "the engine ran while the work was done");
    assert_ne!(engine.pid(), before);
    let text = reqwest::get(format!("http://{addr}/?query=SELECT%201")).await.unwrap().text().await.unwrap();
    assert_eq!(text.trim(), "1");
    // A work that panics does not keep the engine down.
    control.while_stopped(|| panic!("on purpose")).await.unwrap();
    assert!(reqwest::get(format!("http://{addr}/ping")).await.unwrap().status().is_success());
    engine.stop().await;
    assert!(control.while_stopped(|| ()).await.is_err());
}

/// The engine's process has nothing of the server's but what is named, and no door that a statement could use.
#[tokio::test]
async fn the_engine_has_nothing_of_the_servers() {
    if shared_clickhouse().is_some() {
        return;
    }
    let canary = "canary-in-the-environment";
    let server = ServerOptions::new()
        .env("AWS_SECRET_ACCESS_KEY", canary)
        .env("LOG_CENTER_ENGINE_TOKEN", canary)
        .start()
        .await;
    let pid = server.engine_pid.unwrap();
    let proc = std::path::PathBuf::from(format!("/proc/{pid}"));
    let environment = std::fs::read(proc.join("environ")).unwrap();
    assert!(!String::from_utf8_lossy(&environment).contains(canary));
    for thread in std::fs::read_dir(proc.join("task")).unwrap().flatten() {
        let status = std::fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        assert!(status.is_empty() || status.contains("\nSeccomp:\t2\n"), "{status}");
    }
    let open = |number: u32| std::fs::read_link(proc.join(format!("fd/{number}"))).unwrap_or_default();
    assert_eq!(open(0), std::path::Path::new("/dev/null"));
    // The first one is the end of the pair whose other end the server has.
    let parent = (3..16).find(|number| open(*number).to_string_lossy().starts_with("socket:")).unwrap();
    let ways = [
        format!("SELECT * FROM file('/proc/{pid}/environ', 'LineAsString')"),
        "SELECT * FROM file('/proc/1/task/1/environ', 'LineAsString')".to_owned(),
        format!("SELECT * FROM file('/proc/self/fd/{parent}', 'LineAsString', 'a String')"),
        format!("SELECT * FROM file({parent}, 'LineAsString', 'a String')"),
        format!("SELECT * FROM url('file:///proc/self/fd/{parent}', 'LineAsString', 'a String')"),
        "SELECT * FROM postgresql('/tmp:5432', 'd', 't', 'u', 'p')".to_owned(),
    ];
    let client = reqwest::Client::builder().timeout(DEADLINE).build().unwrap();
    for sql in ways {
        let writer = client.post(server.clickhouse_for_writers()).body(sql.clone()).send().await.unwrap();
        let (status, text) = (writer.status(), writer.text().await.unwrap());
        // By its number the socket can be read from; there is nothing in it, and it makes nobody wait.
        let is_empty = sql.contains(&format!("file({parent},")) && text.is_empty();
        assert!((!status.is_success() || is_empty) && !text.contains(canary), "{sql}: {status} {text}");
        let reader = server.post("/api/v1/sql").header("content-type", "text/plain").body(sql.clone());
        let reader = reader.send().await.unwrap();
        assert!(reader.status().is_client_error(), "{sql}: {}", reader.status());
    }
    assert_eq!(server.sql("SELECT 1").await, "1");
}

/// A view that somebody put beside ours would run with all rights, a broken one would keep the engine from starting.
#[tokio::test]
async fn planted_descriptions_neither_stop_the_server_nor_run() {
    if shared_clickhouse().is_some() {
        return;
    }
    let server = ServerOptions::new().start().await;
    server.report(&a_report(1)).await;
    server.sql_becomes("SELECT sum(count) FROM issues", "1").await;
    let database = server.database.clone();
    let (engine, options) = (server.engine_pid.unwrap(), server.kill());
    let started = Instant::now();
    while std::fs::read(format!("/proc/{engine}/cmdline")).is_ok_and(|line| !line.is_empty()) {
        assert!(started.elapsed() < DEADLINE, "the engine does not end");
        tokio::time::sleep(POLL).await;
    }
    let store = options.data_dir().join("data/clickhouse");
    let tables = store.join("metadata").join(&database);
    let view = format!(
        "ATTACH MATERIALIZED VIEW _ UUID '11111111-2222-3333-4444-555555555555' TO {database}.event_store AS SELECT * FROM \
         {database}.event_store\n"
    );
    std::fs::write(tables.join("evil.sql"), view).unwrap();
    std::fs::write(tables.join("broken.sql"), "ATTACH TABLE _ (").unwrap();
    std::fs::write(store.join("metadata/broken.sql"), "nonsense").unwrap();
    let server = options.start().await;
    server.report(&a_report(1)).await;
    server.sql_becomes("SELECT sum(count) FROM issues", "2").await;
    assert!(!tables.join("evil.sql").exists() && !tables.join("broken.sql").exists());
    assert!(server.log().contains("moved aside"), "{}", server.log());
}
