//! Facets and histograms: the same from what is counted already as from the events.

use crate::harness::{Server, ServerOptions, answer, now_ms};
use log_center_wire::UnixMillis;
use reqwest::StatusCode;
use serde_json::{Value, json};

const QUARTER_MS: i64 = 15 * 60 * 1000;

/// Nothing has this id: true of every event, and not known to what is counted already.
const FROM_EVENTS: &str = "-req_id:nobody";

/// The start of a quarter of an hour, some nine hours ago.
fn start() -> i64 {
    now_ms() / QUARTER_MS * QUARTER_MS - 36 * QUARTER_MS
}

/// Numbers that look random and are the same each time.
fn numbers() -> impl FnMut(u64) -> u64 {
    let mut state = 7_u64;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    }
}

fn events(start: i64) -> Vec<Value> {
    let mut random = numbers();
    let mut pick = move |words: &[&str]| words[random(words.len() as u64) as usize].to_owned();
    let mut random = numbers();
    let event = |number: i64| {
        // One in eight at the very edge of a quarter.
        let quarter = number % 32 * QUARTER_MS;
        let within = match number % 8 {
            0 => [0, 1, QUARTER_MS - 1][number as usize % 3],
            _ => random(QUARTER_MS as u64) as i64,
        };
        let level = [20, 30, 30, 40, 50][number as usize % 5];
        json!({"name": pick(&["shop", "pay", "web"]), "hostname": pick(&["h1", "h2"]), "pid": 1, "level": level,
            "time": UnixMillis(start + quarter + within).to_string(), "msg": pick(&["login", "Größe", "pay"]),
            "environment": pick(&["production", "staging"]), "version": pick(&["1.0", ""]), "scope": "visit",
            "event": pick(&["client-res", "trace"]), "req_id": format!("r{number}"),
            "extra": format!("status={} route=/{} method=GET", pick(&["200", "404", "503"]), pick(&["a", "b"]))})
    };
    (0..900).map(event).collect()
}

async fn ask(server: &Server, path: &str, q: &str, window: (i64, i64), more: &str) -> Value {
    let (since, until) = (UnixMillis(window.0).to_string(), UnixMillis(window.1).to_string());
    let url = format!("/api/v1/events/{path}?{more}");
    let request = server.get(&url).query(&[("q", q), ("since", &since), ("until", &until)]);
    answer(request.send().await.unwrap(), StatusCode::OK).await
}

/// How many events a histogram holds.
fn total(histogram: &Value) -> u64 {
    histogram["items"].as_array().unwrap().iter().map(|item| item["count"].as_u64().unwrap()).sum()
}

const FIELDS: &str = "fields=level,service,environment,version,hostname,event,route,err.type&limit=500";

#[tokio::test]
async fn what_is_counted_already_gives_the_same_answers() {
    let server = Server::start().await;
    let start = start();
    let events = events(start);
    let body: Vec<String> = events.iter().map(Value::to_string).collect();
    let kept = server.post("/api/v1/events").body(body.join("\n")).send().await.unwrap();
    assert_eq!(answer(kept, StatusCode::OK).await["accepted"], 900);
    server.sql_becomes("SELECT count() FROM events", "900").await;
    server.sql_becomes("SELECT sum(count) FROM event_counts", "900").await;

    let mut random = numbers();
    let mut windows = vec![
        (start, start + 32 * QUARTER_MS),
        (start + 1, start + 32 * QUARTER_MS),
        (start, start + 32 * QUARTER_MS + 1),
        (start + QUARTER_MS - 1, start + 6 * QUARTER_MS - 1),
        // Just too short, and empty.
        (start + 1, start + 4 * QUARTER_MS + 1),
        (start + QUARTER_MS, start + QUARTER_MS),
        (start + QUARTER_MS, start + QUARTER_MS + 1),
    ];
    windows.extend((0..6).map(|_| {
        let from = start + random(20 * QUARTER_MS as u64) as i64;
        (from, from + random(16 * QUARTER_MS as u64) as i64)
    }));
    let queries = [
        "",
        "level:>=warn",
        "service:pay OR (env:staging -level:error)",
        "msg:GRÖSSE host:h1",
        "msg:größe",
        "event:client-res status:>=404 route:/a method:GET",
        "version:* -err.type:*",
        "service:p* -service_req.host:*",
    ];
    for (number, window) in windows.into_iter().enumerate() {
        let q = queries[number % queries.len()];
        let slow = format!("({q}) {FROM_EVENTS}");
        let slow = if q.is_empty() { FROM_EVENTS } else { &slow };
        for (path, more) in
            [("facets", FIELDS), ("histogram", "step_seconds=900"), ("histogram", "step_seconds=7200")]
        {
            let counted = ask(&server, path, q, window, more).await;
            assert_eq!(counted, ask(&server, path, slow, window, more).await, "{q} {window:?} {path} {more}");
        }
    }

    // They do come from there, all but the quarters at both ends; and from the events where a step is no quarter.
    server.sql("TRUNCATE TABLE event_count_store").await;
    let window = (start + 1, start + 32 * QUARTER_MS - 1);
    let within = |from: i64, to: i64| {
        let times = events.iter().map(|event| UnixMillis::parse(event["time"].as_str().unwrap()).unwrap().0);
        times.filter(|time| (from..to).contains(time)).count() as u64
    };
    let whole = within(start + QUARTER_MS, start + 31 * QUARTER_MS);
    let all = within(window.0, window.1);
    for (q, more, expected) in [
        ("", "step_seconds=1800", all - whole),
        ("", "step_seconds=1000", all),
        ("-uid:*", "step_seconds=1800", all),
    ] {
        assert_eq!(total(&ask(&server, "histogram", q, window, more).await), expected, "{q} {more}");
    }
}

/// A database that is older than the counting has events that were never counted.
#[tokio::test]
async fn what_was_never_counted_is_not_left_out() {
    let server = Server::start().await;
    let start = start();
    let insert = format!(
        "INSERT INTO event_store (batch, received_at, time, project, level, retention_days) SELECT 7, now64(3), \
            fromUnixTimestamp64Milli(toInt64({start}) + number * 60000, 'UTC'), 'old', 30, 400 FROM numbers(480)"
    );
    server.sql(&insert).await;
    server.sql("TRUNCATE TABLE event_count_store").await;
    let window = (start, start + 32 * QUARTER_MS);
    let histogram = ask(&server, "histogram", "", window, "step_seconds=900").await;
    assert_eq!(total(&histogram), 480);
    let facets = ask(&server, "facets", "", window, "fields=service").await;
    assert_eq!(facets["service"], json!([{"value": "old", "count": 480}]));
}

/// What was deleted because of its age is still counted, but no answer for a search that would not find it.
#[tokio::test]
async fn what_is_not_kept_is_not_counted() {
    let server = ServerOptions::new().env("LOG_CENTER_RETENTION", "*/stat=2").start().await;
    let day = 96 * QUARTER_MS;
    let midnight = now_ms() / day * day;
    // Three days ago, of which nothing of the scope is left, and the day before today.
    let records = [(3, "stat"), (3, "biz"), (1, "stat")].map(|(days, scope)| {
        let time = UnixMillis(midnight - days * day + 40 * QUARTER_MS).to_string();
        json!({"name": "shop", "hostname": "h", "pid": 1, "level": 30, "time": time, "msg": "m", "scope": scope}).to_string()
    });
    let kept = server.post("/api/v1/events").body(records.join("\n")).send().await.unwrap();
    assert_eq!(answer(kept, StatusCode::OK).await["accepted"], 3);
    server.sql_becomes("SELECT sum(count) FROM event_counts", "3").await;
    server.sql("ALTER TABLE event_store MATERIALIZE TTL SETTINGS mutations_sync = 2").await;
    server.sql_becomes("SELECT count() FROM events", "2").await;
    let window = (midnight - 4 * day, midnight + 2 * day);
    assert_eq!(total(&ask(&server, "histogram", "", window, "step_seconds=1800").await), 2);
}
