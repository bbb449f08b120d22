use crate::harness::{DEADLINE, POLL, Server, a_report, answer, shared_clickhouse, signal};
use reqwest::StatusCode;
use serde_json::json;
use std::collections::HashMap;
use std::time::Instant;

/// What `/metrics` shows at one moment, by name and labels.
struct Metrics(HashMap<String, f64>);

impl Metrics {
    async fn of(server: &Server) -> Self {
        let text = server.get("/metrics").send().await.unwrap().text().await.unwrap();
        let value = |line: &str| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        Self(text.lines().filter(|line| !line.starts_with('#')).filter_map(value).collect())
    }

    #[track_caller]
    fn get(&self, name: &str) -> f64 {
        *self.0.get(name).unwrap_or_else(|| panic!("there is no {name} among {:?}", self.0.keys()))
    }

    /// Events that came, and where they are.
    #[track_caller]
    fn check(&self, reports: u32, records: u32, resumed: u32, stored: u32) {
        let came = [
            "log_center_accepted_total{source=\"report\"}",
            "log_center_accepted_total{source=\"record\"}",
            "log_center_resumed_total",
        ]
        .map(|name| self.get(name));
        assert_eq!(came, [reports, records, resumed].map(f64::from), "what came");
        let are = [self.get("log_center_stored_total"), self.get("log_center_spool_events")];
        assert_eq!(are, [stored, reports + records + resumed - stored].map(f64::from), "where it is");
        assert_eq!(came.iter().sum::<f64>(), are.iter().sum::<f64>());
    }

    /// What came, and where it is; the two are equal at every look.
    #[track_caller]
    fn balance(&self) -> [f64; 2] {
        let came = [
            "log_center_accepted_total{source=\"report\"}",
            "log_center_accepted_total{source=\"record\"}",
            "log_center_resumed_total",
        ];
        let are = ["log_center_stored_total", "log_center_spool_events"];
        [came.iter().map(|name| self.get(name)).sum(), are.iter().map(|name| self.get(name)).sum()]
    }

    /// Looks until as many events have left the spool.
    async fn when_stored(server: &Server, events: u32) -> Self {
        let started = Instant::now();
        loop {
            let metrics = Self::of(server).await;
            if metrics.get("log_center_stored_total") >= f64::from(events) {
                return metrics;
            }
            assert!(started.elapsed() < DEADLINE, "only {}", metrics.get("log_center_stored_total"));
            tokio::time::sleep(POLL).await;
        }
    }
}

/// So many records, of which the first is an error that has an id and the last is refused.
fn batch(records: usize) -> String {
    let record = |index: usize| {
        let mut record = json!({"name": "shop", "level": 30, "time": "2026-01-30T10:30:00Z", "msg": "sold"});
        if index == 0 {
            record["level"] = json!(50);
            record["err"] = json!({"msg": "no", "type": "No", "file_path": "a.rs", "line_number": 1});
            record["event_id"] = json!("the-same");
        }
        record.to_string() + "\n"
    };
    (0..records).map(record).collect::<String>() + r#"{"name": "shop", "level": 30, "msg": "no time"}"#
}

async fn send(server: &Server, records: usize) {
    let response = server.post("/api/v1/events").body(batch(records)).send().await.unwrap();
    let said = answer(response, StatusCode::OK).await;
    assert_eq!((&said["accepted"], said["rejected"].as_array().unwrap().len()), (&json!(records), 1));
}

/// The process of the engine, by what the server says when it has started it again.
async fn restarted_engine(server: &Server) -> u32 {
    let started = Instant::now();
    loop {
        let log = server.log();
        if let Some(said) = log.lines().rfind(|line| line.contains("the engine runs again")) {
            let record = log_center_wire::Record::decode(said.as_bytes()).unwrap();
            return record.extra.strip_prefix("pid=").unwrap().parse().unwrap();
        }
        assert!(started.elapsed() < DEADLINE, "{log}");
        tokio::time::sleep(POLL).await;
    }
}

#[tokio::test]
async fn what_came_is_stored_or_in_the_spool_through_an_outage_and_a_crash() {
    if shared_clickhouse().is_some() {
        return;
    }
    let server = Server::start().await;
    let metrics = Metrics::of(&server).await;
    metrics.check(0, 0, 0, 0);
    assert_eq!(metrics.get("log_center_lag_seconds"), 0.0);

    server.report(&a_report(1)).await;
    send(&server, 100).await;
    send(&server, 1).await;
    let metrics = Metrics::when_stored(&server, 101).await;
    metrics.check(1, 100, 0, 101);
    assert_eq!(metrics.get("log_center_duplicates_total"), 1.0);
    assert_eq!(metrics.get("log_center_rejected_total{code=\"missing_field\"}"), 2.0);
    let inserts = metrics.get("log_center_insert_rows_count");
    assert!((1.0..=3.0).contains(&inserts), "{inserts}");
    assert_eq!(metrics.get("log_center_insert_rows_sum"), 101.0);

    let engine = server.engine_pid.unwrap();
    signal(engine, "STOP");
    for _ in 0..5 {
        server.report(&a_report(2)).await;
    }
    send(&server, 51).await;
    let bad = server.post("/api/v1/logs/report").body("{").send().await.unwrap();
    answer(bad, StatusCode::BAD_REQUEST).await;
    let metrics = Metrics::of(&server).await;
    metrics.check(6, 150, 0, 101);
    assert!(metrics.get("log_center_spool_bytes") > 0.0);
    assert_eq!(metrics.get("log_center_errors_total{code=\"malformed_json\"}"), 1.0);
    let started = Instant::now();
    while Metrics::of(&server).await.get("log_center_lag_seconds") < 0.2 {
        assert!(started.elapsed() < DEADLINE, "what waits does not get older");
        tokio::time::sleep(POLL).await;
    }

    // A new engine takes what waits.
    signal(engine, "KILL");
    let metrics = Metrics::when_stored(&server, 156).await;
    metrics.check(6, 150, 0, 156);
    assert_eq!(metrics.get("log_center_engine_restarts_total"), 1.0);
    assert_eq!(metrics.get("log_center_lag_seconds"), 0.0);
    assert_eq!(server.sql("SELECT count() FROM events").await, "156");

    // What was answered and not stored when the server was killed is there when it is back.
    let engine = restarted_engine(&server).await;
    signal(engine, "STOP");
    send(&server, 8).await;
    server.report(&a_report(3)).await;
    Metrics::of(&server).await.check(7, 157, 0, 156);
    let options = server.kill();
    signal(engine, "KILL");
    let server = options.start().await;
    let metrics = Metrics::when_stored(&server, 0).await;
    assert_eq!(metrics.get("log_center_resumed_total"), 8.0);
    Metrics::when_stored(&server, 8).await.check(0, 0, 8, 8);
    assert_eq!(server.sql("SELECT count() FROM events").await, "164");
}

#[tokio::test]
async fn the_figures_add_up_at_every_look_under_load() {
    const SENDERS: usize = 3;
    const ROUNDS: usize = 60;
    const RECORDS: usize = 40;
    let server = Server::start().await;
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..SENDERS {
        let (records, reports) = (server.post("/api/v1/events"), server.post("/api/v1/logs/report"));
        let record = json!({"name": "shop", "level": 30, "time": "2026-01-30T10:30:00Z", "msg": "sold"});
        let records = records.body(format!("{record}\n").repeat(RECORDS));
        let reports = reports.json(&a_report(1));
        senders.spawn(async move {
            for _ in 0..ROUNDS {
                for request in [&records, &reports] {
                    let sent = request.try_clone().unwrap().send().await.unwrap();
                    answer(sent, StatusCode::OK).await;
                }
            }
        });
    }
    // One looks all the time, and once more when everybody has been answered.
    let mut looks = 0;
    let mut is_over = false;
    while !is_over {
        is_over = senders.is_empty();
        let [came, are] = Metrics::of(&server).await.balance();
        assert_eq!(came, are, "at look {looks}");
        looks += 1;
        while let Some(done) = senders.try_join_next() {
            done.unwrap();
        }
    }
    let events = (SENDERS * ROUNDS * (RECORDS + 1)) as f64;
    assert_eq!(Metrics::of(&server).await.balance(), [events, events]);
    let stored = Metrics::when_stored(&server, events as u32).await;
    assert_eq!(stored.balance(), [events, events]);
}
