use crate::harness::{
    DEADLINE, POLL, Server, ServerOptions, a_report, answer, now_ms, shared_clickhouse, signal,
};
use futures_util::future::join_all;
use log_center_wire::UnixMillis;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

#[tokio::test]
async fn what_was_answered_survives_a_kill_and_no_known_issue_is_new_again() {
    let mut server = Server::start().await;
    for round in 1..=3 {
        let reports: Vec<_> = (0..50).map(a_report).collect();
        let answers = join_all(reports.iter().map(|report| server.report(report))).await;
        let new = answers.iter().filter(|answer| answer["is_new"] == true).count();
        assert_eq!(new, if round == 1 { 50 } else { 0 });
        server = server.kill_and_restart().await;
        let expected = format!("50\t{}", round * 50);
        server.sql_becomes("SELECT count(), sum(count) FROM issues", &expected).await;
        assert_eq!(server.sql("SELECT count() FROM events").await, (round * 50).to_string());
    }
}

#[tokio::test]
async fn reports_are_answered_while_the_engine_is_gone_and_counted_when_it_is_back() {
    if shared_clickhouse().is_some() {
        return;
    }
    // It shall not be killed for not answering while it is stopped.
    let server = ServerOptions::new().env("LOG_CENTER_ENGINE_HUNG_SECONDS", 3_600).start().await;
    server.report(&a_report(1)).await;
    server.sql_becomes("SELECT sum(count) FROM issues", "1").await;
    let engine = server.engine_pid.unwrap();
    // Stopped first, so that it is gone for a while although it is started again at once.
    signal(engine, "STOP");
    for _ in 0..100 {
        // One that waited for the engine would wait for ever, since nothing wakes it.
        server.report(&a_report(1)).await;
    }
    // Reports are taken, so a balancer goes on sending them; only who reads is told to go elsewhere.
    assert_eq!(server.get("/health/ready").send().await.unwrap().status(), StatusCode::OK);
    let read = server.get("/health/ready/read").send().await.unwrap();
    let read = answer(read, StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!(read["clickhouse"]["code"], "store_unavailable", "{read}");
    assert_eq!(server.json("/health").await["clickhouse"]["status"], "failing");
    signal(engine, "KILL");
    let started = Instant::now();
    while server.get("/health/ready/read").send().await.unwrap().status() != StatusCode::OK {
        assert!(started.elapsed() < DEADLINE);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    server.sql_becomes("SELECT sum(count) FROM issues", "101").await;
    assert_eq!(server.sql("SELECT count() FROM events").await, "101");
}

#[tokio::test]
async fn a_lost_spool_does_not_make_known_issues_new() {
    let server = Server::start().await;
    let first = server.report(&a_report(1)).await;
    server.sql_becomes("SELECT count() FROM issues", "1").await;
    let (_, options) = server.stop().await;
    std::fs::remove_dir_all(options.data_dir().join("data/spool")).unwrap();
    let server = options.start().await;
    let again = server.report(&a_report(1)).await;
    assert_eq!((&again["is_new"], &again["id"]), (&false.into(), &first["id"]));
    server.sql_becomes("SELECT sum(count) FROM issues", "2").await;
}

#[tokio::test]
async fn a_full_spool_is_said_and_recovers_by_itself() {
    if shared_clickhouse().is_some() {
        return;
    }
    let options = ServerOptions::new().env("LOG_CENTER_SPOOL_MAX_BYTES", 256 << 10);
    let server = options.start().await;
    server.report(&a_report(1)).await;
    server.sql_becomes("SELECT sum(count) FROM issues", "1").await;
    let engine = server.engine_pid.unwrap();
    signal(engine, "STOP");
    let mut kept = 1;
    let refused = loop {
        let response = server.post("/api/v1/logs/report").json(&a_report(1)).send().await.unwrap();
        if response.status() != StatusCode::OK {
            break response;
        }
        kept += 1;
        assert!(kept < 10_000, "the spool never fills");
    };
    assert!(refused.headers()["retry-after"].to_str().unwrap().parse::<u32>().unwrap() > 0);
    let refused = answer(refused, StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!(refused["error"]["code"], "spool_full");
    signal(engine, "CONT");
    until_accepted(&server).await;
    kept += 1;
    server.sql_becomes("SELECT sum(count) FROM issues", &kept.to_string()).await;
}

/// A file system of so many bytes; unmounted when dropped. `None` where this user may not mount.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(bytes: u64) -> Option<Self> {
        let directory = tempfile::TempDir::new().unwrap();
        let size = format!("size={bytes}");
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(directory.path()).output();
        mount.is_ok_and(|output| output.status.success()).then_some(Self(directory))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_is_said_and_recovers_by_itself() {
    let Some(disk) = SmallDisk::mount(400 << 20) else {
        eprintln!("not run: this user may not mount a file system");
        return;
    };
    let server = ServerOptions::new().env("LOG_CENTER_DATA_DIR", disk.0.path().display()).start().await;
    server.report(&a_report(1)).await;
    let mut kept = 1;
    let filler = disk.0.path().join("filler");
    for _ in 0..2 {
        fill(&filler);
        let response = server.post("/api/v1/logs/report").json(&a_report(1)).send().await.unwrap();
        assert!(response.headers().contains_key("retry-after"));
        let refused = answer(response, StatusCode::SERVICE_UNAVAILABLE).await;
        assert_eq!(refused["error"]["code"], "disk_failing");
        let metrics = server.get("/metrics").send().await.unwrap().text().await.unwrap();
        assert!(metrics.lines().any(|line| line == "log_center_disk_failing 1"), "{metrics}");
        std::fs::remove_file(&filler).unwrap();
        until_accepted(&server).await;
        kept += 1;
    }
    server.sql_becomes("SELECT sum(count) FROM issues", &kept.to_string()).await;
    let server = server.kill_and_restart().await;
    server.sql_becomes("SELECT sum(count) FROM issues", &kept.to_string()).await;
}

/// Nobody sends anything: a balancer keeps everybody from a server that is not ready.
#[tokio::test]
async fn readiness_follows_the_disk_by_itself() {
    let Some(disk) = SmallDisk::mount(400 << 20) else {
        eprintln!("not run: this user may not mount a file system");
        return;
    };
    let becomes = async |server: &Server, expected: StatusCode| {
        let started = Instant::now();
        loop {
            let ready = server.get("/health/ready").send().await.unwrap();
            if ready.status() == expected {
                return ready.json::<serde_json::Value>().await.unwrap();
            }
            assert!(started.elapsed() < DEADLINE, "not {expected}: {}", server.log());
            tokio::time::sleep(POLL).await;
        }
    };
    let server = ServerOptions::new().env("LOG_CENTER_DATA_DIR", disk.0.path().display()).start().await;
    let filler = disk.0.path().join("filler");
    fill(&filler);
    let said = becomes(&server, StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!(said["spool"]["code"], "disk_failing", "{said}");
    std::fs::remove_file(&filler).unwrap();
    becomes(&server, StatusCode::OK).await;

    // A start is told the same at once: the first answer is right.
    let (_, options) = server.stop().await;
    fill(&filler);
    let server = options.start().await;
    let ready = server.get("/health/ready").send().await.unwrap();
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE, "{}", server.log());
    std::fs::remove_file(&filler).unwrap();
    becomes(&server, StatusCode::OK).await;
}

/// An insert for which the disk has room in some tables and not in others fails in another one each time.
#[tokio::test]
async fn an_insert_that_a_full_disk_cuts_off_reaches_every_table_once() {
    let Some(disk) = SmallDisk::mount(400 << 20).filter(|_| shared_clickhouse().is_none()) else {
        eprintln!("not run: this user may not mount a file system");
        return;
    };
    let server = ServerOptions::new().env("LOG_CENTER_DATA_DIR", disk.0.path().display()).start().await;
    let engine = server.engine_pid.unwrap();
    let filler = disk.0.path().join("filler");
    for round in 1..=8 {
        let stored = (4 * round).to_string();
        let before = write_failures(&server).await;
        // What is accepted now is inserted when the disk is full.
        signal(engine, "STOP");
        let response = server.post("/api/v1/events").json(&one_of_each(round)).send().await.unwrap();
        assert_eq!(answer(response, StatusCode::OK).await["accepted"], 4);
        fill(&filler);
        let full = std::fs::metadata(&filler).unwrap().len();
        signal(engine, "CONT");
        for attempt in 0..4 {
            let started = Instant::now();
            while write_failures(&server).await <= before + attempt
                && server.sql("SELECT count() FROM event_store").await != stored
            {
                assert!(started.elapsed() < DEADLINE, "round {round}: neither failed nor stored");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            // Each part reserves a mebibyte first, and gives it back.
            let room = (1 << 20) + ((round as u64 + 3 * attempt) << 16);
            std::fs::File::options().write(true).open(&filler).unwrap().set_len(full - room).unwrap();
        }
        std::fs::remove_file(&filler).unwrap();
        server.sql_becomes("SELECT count() FROM event_store", &stored).await;
        let sums = "SELECT (SELECT sum(count) FROM issue_store), (SELECT sum(count) FROM issue_hour_store), \
            (SELECT sum(count) FROM request_minute_store), (SELECT sum(count) FROM call_minute_store), \
            (SELECT sum(count) FROM performance_minute_store), (SELECT sum(count) / 4 FROM event_count_store), \
            (SELECT uniqExact(req_id) FROM request_time_store)";
        server.sql_becomes(sums, &vec![round.to_string(); 7].join("\t")).await;
    }
}

/// How often an insert has failed.
async fn write_failures(server: &Server) -> u64 {
    let metrics = server.get("/metrics").send().await.unwrap().text().await.unwrap();
    let line = metrics.lines().find(|line| line.starts_with("log_center_write_failures_total"));
    line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
}

/// Records of which every derived table gets one row.
fn one_of_each(round: usize) -> Value {
    let record = |more: Value| {
        let mut record = json!({"name": "shop", "hostname": "h", "pid": 1, "level": 30, "msg": "m",
            "time": UnixMillis(now_ms()).to_string(), "req_id": format!("order-{round}")});
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        record
    };
    json!([
        record(json!({"event": "client-res", "tm": 3.5, "extra": "status=200 route=/orders method=GET"})),
        record(json!({"event": "service-end", "service_req": {"host": "pay", "path": "/charges"},
            "service_res": {"http_code": 200, "tm": 1.5}})),
        record(json!({"scope": "stat", "perf": {"rss": 1_000_000, "cpu": 0.5}})),
        record(json!({"level": 50, "event": "trace",
            "err": {"type": "E", "msg": "broken", "file_path": "src/main.rs", "line_number": 7}})),
    ])
}

/// Writes until nothing more goes in.
fn fill(path: &Path) {
    let mut file = std::fs::File::create(path).unwrap();
    let zeros = vec![0; 1 << 20];
    while file.write_all(&zeros).is_ok() {}
    while file.write_all(&[0]).is_ok() {}
}

/// Reports until one is kept.
async fn until_accepted(server: &Server) {
    let started = Instant::now();
    while server.post("/api/v1/logs/report").json(&a_report(1)).send().await.unwrap().status()
        != StatusCode::OK
    {
        assert!(started.elapsed() < DEADLINE);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// ClickHouse takes a table into use whose description a full disk has cut off, and does not start with it again.
#[tokio::test]
async fn the_engine_starts_with_a_staging_table_that_a_full_disk_cut_off() {
    if shared_clickhouse().is_some() {
        return;
    }
    let server = Server::start().await;
    server.report(&a_report(1)).await;
    let (_, options) = server.stop().await;
    let metadata = options.data_dir().join("data/clickhouse/metadata");
    let databases = std::fs::read_dir(metadata).unwrap().map(|entry| entry.unwrap().path());
    let ours: Vec<_> = databases.filter(|path| path.join("event_store.sql").exists()).collect();
    assert_eq!(ours.len(), 1, "{ours:?}");
    for (name, text) in [("event_staging_0.sql", ""), ("_tmp_replace_0_1.sql", "ATTACH TABLE _ UUID '")] {
        std::fs::write(ours[0].join(name), text).unwrap();
    }
    let server = options.start().await;
    server.sql_becomes("SELECT sum(count) FROM issues", "1").await;
}
