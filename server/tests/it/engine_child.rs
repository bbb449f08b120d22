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
