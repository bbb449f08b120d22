//! `GET /api/v1/events/tail`.

use crate::harness::{DEADLINE, POLL, Server, ServerOptions, answer, now_ms, shared_clickhouse, signal};
use log_center_wire::UnixMillis;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use std::time::Instant;

const PATH: &str = "/api/v1/events/tail";

/// A connection that follows.
struct Follower {
    response: Response,
    text: String,
}

/// One event of the stream.
#[derive(Debug, Default, PartialEq)]
struct Event {
    kind: String,
    id: String,
    data: Value,
}

impl Event {
    fn msg(&self) -> &str {
        self.data["msg"].as_str().unwrap_or_default()
    }
}

impl Follower {
    /// Follows, and waits until it does.
    async fn start(server: &Server, q: &str, last_event_id: &str) -> Self {
        // Without the deadline of other requests.
        let request = reqwest::Client::new().get(format!("{}{PATH}", server.api)).query(&[("q", q)]);
        let response = request.header("last-event-id", last_event_id).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut follower = Self { response, text: String::new() };
        let begin = follower.block().await.unwrap();
        assert!(begin.starts_with(": tailing\nretry: "), "{begin}");
        follower
    }

    /// What stands before the next empty line; `None` at the end.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let block = self.text[..end].to_owned();
                self.text.drain(..end + 2);
                return Some(block);
            }
            let piece =
                tokio::time::timeout(DEADLINE, self.response.chunk()).await.expect("an event").unwrap()?;
            self.text.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }

    async fn event(&mut self) -> Event {
        let mut event = Event::default();
        while event.data.is_null() {
            for line in self.block().await.expect("the stream goes on").lines() {
                match line.split_once(':').map(|(name, value)| (name, value.trim_start())) {
                    Some(("id", id)) => id.clone_into(&mut event.id),
                    Some(("event", kind)) => kind.clone_into(&mut event.kind),
                    Some(("data", data)) => event.data = serde_json::from_str(data).unwrap(),
                    Some(("", _)) => {}
                    _ => panic!("{line}"),
                }
            }
        }
        event
    }

    async fn messages(&mut self, count: usize) -> String {
        let mut messages = String::new();
        for _ in 0..count {
            messages.push_str(self.event().await.msg());
        }
        messages
    }
}

fn record(msg: &str, level: u8) -> Value {
    let time = UnixMillis(now_ms()).to_string();
    json!({"name": "shop", "hostname": "h1", "pid": 7, "level": level, "time": time, "msg": msg})
}

async fn send(server: &Server, records: &[Value]) {
    let body: Vec<String> = records.iter().map(Value::to_string).collect();
    let kept = server.post("/api/v1/events").body(body.join("\n")).send().await.unwrap();
    assert_eq!(answer(kept, StatusCode::OK).await["accepted"], records.len());
}

#[tokio::test]
async fn shows_what_arrives_as_a_search_would() {
    let server = Server::start().await;
    send(&server, &[record("before", 50)]).await;
    server.sql_becomes("SELECT count() FROM events", "1").await;
    let mut all = Follower::start(&server, "", "").await;
    let mut errors = Follower::start(&server, "level:>=error -\"not this\"", "").await;
    for number in 0..3 {
        let mut odd = record(&format!("e{number}"), 50);
        odd["shelf"] = json!({"row": "two\nlines"});
        send(&server, &[record(&format!("i{number}"), 30), odd, record("not this", 50)]).await;
        let mut seen: Vec<_> = [all.event().await, all.event().await, all.event().await].into();
        seen.sort_by(|a, b| a.msg().cmp(b.msg()));
        assert_eq!(
            seen.iter().map(Event::msg).collect::<Vec<_>>(),
            [format!("e{number}"), format!("i{number}"), "not this".to_owned()]
        );
        let error = errors.event().await;
        assert_eq!((error.msg(), error.kind.as_str()), (format!("e{number}").as_str(), ""));
        let page = server.json(&format!("/api/v1/events?q=e{number}")).await;
        assert_eq!(page["items"], json!([error.data]));
    }
    // A report is an event, too.
    server.report(&crate::harness::a_report(1)).await;
    assert_eq!(errors.event().await.data["source"], "report");
}

#[tokio::test]
async fn goes_on_behind_the_last_event_that_was_seen() {
    let server = Server::start().await;
    let mut follower = Follower::start(&server, "level:info", "").await;
    let begin = now_ms();
    let later = |msg: &str, ms: i64| {
        let mut record = record(msg, 30);
        record["time"] = json!(UnixMillis(begin + ms).to_string());
        record
    };
    let batch: Vec<_> = (0..5).map(|number| later(&number.to_string(), number)).collect();
    send(&server, &batch).await;
    let events = [follower.event().await, follower.event().await, follower.event().await];
    assert_eq!(events.iter().map(Event::msg).collect::<String>(), "012");
    drop(follower);
    let mut follower = Follower::start(&server, "level:info", &events[1].id).await;
    assert_eq!(follower.messages(3).await, "234");
    drop(follower);
    send(&server, &[later("a", 0), record("x", 20)]).await;
    send(&server, &[later("b", 1)]).await;
    server.sql_becomes("SELECT count() FROM events", "8").await;
    let mut follower = Follower::start(&server, "level:info", &events[2].id).await;
    // What arrives now comes behind what arrived meanwhile.
    send(&server, &[later("c", 0)]).await;
    assert_eq!(follower.messages(5).await, "34abc");
    // Longer ago than anybody remembers: that something may be missing is said, and what is there is shown.
    let mut follower = Follower::start(&server, "level:info", "1.1").await;
    let first = follower.event().await;
    assert_eq!((first.kind.as_str(), &first.data), ("skipped", &json!({"count": null})));
    assert_eq!(follower.messages(8).await, "01234abc");
}

#[tokio::test]
async fn too_many_at_once_are_counted() {
    let server = Server::start().await;
    let mut follower = Follower::start(&server, "", "").await;
    let same_time = record("", 30)["time"].clone();
    let many: Vec<_> = (0..1234)
        .map(|number| {
            let mut record = record(&number.to_string(), 30);
            record["time"] = same_time.clone();
            record
        })
        .collect();
    // One batch of the writer, as it is one entry of the spool.
    send(&server, &many).await;
    let skipped = follower.event().await;
    assert_eq!((skipped.kind.as_str(), &skipped.data), ("skipped", &json!({"count": 734})));
    let mut shown = Vec::new();
    for _ in 0..500 {
        shown.push(follower.event().await);
    }
    drop(follower);
    // The places of the shown ones are right all the same.
    let mut follower = Follower::start(&server, "", &shown[497].id).await;
    assert_eq!(follower.event().await, shown[498]);
    assert_eq!(follower.event().await, shown[499]);
    send(&server, &[record("next", 30)]).await;
    assert_eq!(follower.event().await.msg(), "next");
}

#[tokio::test]
async fn sees_what_another_server_writes() {
    let writing = Server::start().await;
    let options = ServerOptions::new()
        .env("LOG_CENTER_CLICKHOUSE_URL", writing.clickhouse_for_writers())
        .env("LOG_CENTER_CLICKHOUSE_DATABASE", &writing.database)
        .env("LOG_CENTER_SERVER_ID", 1);
    let reading = options.start().await;
    let mut follower = Follower::start(&reading, "service:shop", "").await;
    for msg in ["a", "b"] {
        send(&writing, &[record(msg, 30)]).await;
        assert_eq!(follower.event().await.msg(), msg);
    }
}

#[tokio::test]
async fn outlives_clickhouse() {
    let server = Server::start().await;
    let Some(engine) = server.engine_pid else {
        assert!(shared_clickhouse().is_some());
        return;
    };
    let mut follower = Follower::start(&server, "", "").await;
    send(&server, &[record("a", 30)]).await;
    assert_eq!(follower.event().await.msg(), "a");
    signal(engine, "KILL");
    send(&server, &[record("b", 30)]).await;
    assert_eq!(follower.event().await.msg(), "b");
}

#[tokio::test]
async fn ends_with_the_server() {
    // An open request would be cut off only after longer than anybody here waits for the end.
    let server = ServerOptions::new().env("LOG_CENTER_SHUTDOWN_SECONDS", 600).start().await;
    let mut follower = Follower::start(&server, "", "").await;
    let (code, _) = server.stop().await;
    assert_eq!(code, Some(0));
    assert_eq!(follower.block().await, None);
}

#[tokio::test]
async fn so_many_follow_and_no_more() {
    let server = Server::start().await;
    let mut followers = Vec::new();
    for number in 0..64 {
        followers.push(Follower::start(&server, &format!("-m{number}"), "").await);
    }
    let refused = server.get(PATH).send().await.unwrap();
    assert_eq!(refused.headers()["retry-after"], "5");
    assert_eq!(answer(refused, StatusCode::SERVICE_UNAVAILABLE).await["error"]["code"], "overloaded");
    send(&server, &[record("seen by all", 30)]).await;
    for follower in &mut followers {
        assert_eq!(follower.event().await.msg(), "seen by all");
    }
    followers.pop();
    let started = Instant::now();
    while server.get(PATH).send().await.unwrap().status() != StatusCode::OK {
        assert!(started.elapsed() < DEADLINE, "never free again");
        tokio::time::sleep(POLL).await;
    }
}

#[tokio::test]
async fn bad_requests_are_named() {
    let server = Server::start().await;
    for (query, last_event_id, field, words) in [
        ("?q=color:red", "", "q", "at character 1: there is no field color"),
        ("?q=(a", "", "q", "there is no ) for this ("),
        ("?since=1h", "", "since", "is no parameter of this path"),
        ("?limit=5", "", "limit", "is no parameter of this path"),
        ("?q=a&q=b", "", "q", "must be given once"),
        ("", "x", "Last-Event-ID", "must be the id"),
        ("", "1", "Last-Event-ID", "must be the id"),
        ("", "1.", "Last-Event-ID", "must be the id"),
        ("", "-1.1", "Last-Event-ID", "must be the id"),
        ("", "1.+1", "Last-Event-ID", "must be the id"),
        ("", "1.99999999999999999999", "Last-Event-ID", "must be the id"),
    ] {
        let request = server.get(&format!("{PATH}{query}")).header("last-event-id", last_event_id);
        let refused = answer(request.send().await.unwrap(), StatusCode::UNPROCESSABLE_ENTITY).await;
        assert_eq!(refused["error"]["field"], field, "{query} {last_event_id}");
        let message = refused["error"]["message"].as_str().unwrap();
        assert!(message.contains(words), "{query} {last_event_id}: {message}");
    }
    for last_event_id in ["18446744073709551615.18446744073709551615", "0.0"] {
        drop(Follower::start(&server, "", last_event_id).await);
    }
    assert!(!server.log().contains("panicked"));
}
