//! Finding requests: filters, orders, pages, those without an end.

use crate::harness::{Server, answer, now_ms};
use log_center_wire::UnixMillis;
use reqwest::StatusCode;
use serde_json::{Value, json};

const PATH: &str = "/api/v1/requests";

fn at(ms: i64) -> String {
    UnixMillis(ms).to_string()
}

/// Begin and end of a hop.
struct Hop {
    id: &'static str,
    service: &'static str,
    began: i64,
    took: f64,
    end: &'static str,
    more: Value,
}

impl Hop {
    fn begin(&self) -> Value {
        self.record(self.began, "client-req", json!({"extra": "method=GET route=/items/{id}"}))
    }

    fn records(&self) -> [Value; 2] {
        let extra = format!("{} route=/items/{{id}} method=GET", self.end);
        let end = self.record(
            self.began + self.took as i64,
            "client-res",
            json!({"tm": self.took, "extra": extra}),
        );
        [self.begin(), end]
    }

    fn record(&self, ms: i64, event: &str, of_event: Value) -> Value {
        let mut record = json!({"name": self.service, "hostname": "h", "pid": 1, "level": 30, "time": at(ms), "msg": event,
            "scope": "visit", "event": event, "req_id": self.id,
            "d": {"url": "/items/7?q=Ä", "ip": "10.0.0.1", "ua": "curl"}});
        for more in [of_event, self.more.clone()] {
            record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        }
        record
    }
}

async fn send(server: &Server, records: &[Value]) {
    let body: Vec<String> = records.iter().map(Value::to_string).collect();
    let kept = server.post("/api/v1/events").body(body.join("\n")).send().await.unwrap();
    assert_eq!(answer(kept, StatusCode::OK).await["accepted"], records.len());
    server.sql_becomes("SELECT count() FROM events", &records.len().to_string()).await;
}

fn ids(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["req_id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn requests_are_found_by_what_is_known_of_them() {
    let server = Server::start().await;
    let t = now_ms() - 60_000;
    let hop = |id, service, ago: i64, took, end, more| Hop { id, service, began: t - ago, took, end, more };
    let inner = json!({"span_id": "bbbbbbbbbbbbbbbb", "parent_id": "aaaaaaaaaaaaaaaa"});
    let mut records = Vec::new();
    for hop in [
        hop(
            "a",
            "shop",
            5000,
            12.5,
            "status=200",
            json!({"uid": "u1", "rrdid": "d1", "environment": "Production"}),
        ),
        hop("b", "shop", 4000, 700.0, "status=503", json!({"uid": "u2", "environment": "staging"})),
        hop("b", "pay", 3900, 500.0, "status=404", inner.clone()),
        hop("c", "shop", 3000, 3.0, "outcome=failed", json!({"level": 40})),
        hop(
            "d",
            "pay",
            2000,
            40.0,
            "outcome=cancelled",
            json!({"d": {"url": "/Buy", "ip": "::1", "ua": ""}}),
        ),
        hop("e", "web", 1000, 0.0, "status=301 note=\"an outcome=failed b\"", json!({})),
    ] {
        records.extend(hop.records());
    }
    records.push(hop("f", "shop", 500, 0.0, "", json!({})).begin());
    records.push(hop("f", "pay", 400, 0.0, "", inner).begin());
    // An error of each service in b, and one long before.
    let err = json!({"level": 50, "err": {"type": "E", "msg": "no", "stack": "", "file_path": "f.rs", "line_number": 1}});
    for ago in [3950, 3800, 2 * 60 * 60 * 1000] {
        records.push(hop("b", "pay", 0, 0.0, "", err.clone()).record(t - ago, "trace", json!({})));
    }
    send(&server, &records).await;

    let cases: &[(&str, &str)] = &[
        ("", "e c b a"),
        ("hops=all", "e c b b a"),
        ("service=pay", "b"),
        ("project=pay&hops=outermost", ""),
        ("project=pay&hops=outermost&state=unfinished", "d"),
        ("service=nobody", ""),
        ("environment=PRODUCTION", "a"),
        ("method=get&route=/items/%7Bid%7D&limit=2", "e c"),
        ("method=POST", ""),
        ("status=503", "b"),
        ("status=3xx,404&hops=all", "e b"),
        ("status=200&status=5XX", "b a"),
        ("uid=u1", "a"),
        ("rrdid=d1", "a"),
        ("ip=::1&state=unfinished", "d"),
        ("url=BUY&state=unfinished", "d"),
        ("url=q%3D%C3%A4", "e c b a"),
        ("url=%25", ""),
        ("min_ms=12.5&max_ms=100", "a"),
        ("max_ms=0", "e"),
        ("state=ok", "e a"),
        ("error=false", "e a"),
        ("state=error", "c b"),
        ("error=true", "c b"),
        ("sort=failing&state=error&error=true", "c b"),
        ("sort=slowest", "b a c e"),
        ("sort=slowest&service=pay", "b"),
        ("sort=slowest&limit=2", "b a"),
        ("state=unfinished", "f d"),
        ("state=unfinished&service=pay", "f d"),
        ("state=unfinished&since=1h&hops=all", "f f d"),
        ("state=unfinished&url=items", "f"),
        ("since=2h&until=1h", ""),
        ("uid=u1%27%20OR%201%20--", ""),
        ("service=&state=&sort=", "e c b a"),
    ];
    for (query, expected) in cases {
        let page = server.json(&format!("{PATH}?{query}")).await;
        assert_eq!(ids(&page).join(" "), *expected, "{query}");
    }
    let items = server.json(PATH).await["items"].clone();
    let states: Vec<_> = items.as_array().unwrap().iter().map(|item| item["state"].clone()).collect();
    assert_eq!(states, ["ok", "error", "error", "ok"]);
    assert_eq!(
        items[3],
        json!({"req_id": "a", "started_at": at(t - 5001), "service": "shop", "environment": "production", "method": "GET",
            "route": "/items/{id}", "url": "/items/7?q=Ä", "status": 200, "duration_ms": 12.5, "uid": "u1", "rrdid": "d1",
            "ip": "10.0.0.1", "span_id": "", "parent_id": "", "error_count": 0, "state": "ok"})
    );
    assert_eq!((&items[2]["error_count"], &items[2]["status"]), (&json!(2), &json!(503)));
    let open = server.json(&format!("{PATH}?state=unfinished")).await["items"][0].clone();
    assert_eq!(
        (&open["duration_ms"], &open["status"], &open["started_at"]),
        (&Value::Null, &Value::Null, &json!(at(t - 500)))
    );
}

#[tokio::test]
async fn pages_of_requests_hold_everything_once() {
    let server = Server::start().await;
    // Over many hours; groups of equal times, of equal durations, and of equal records.
    let start = now_ms() / 60_000 * 60_000 - 3_600_000;
    let mut records = Vec::new();
    for number in 0..90_i64 {
        let id: &'static str = format!("r{:02}", number / 2).leak();
        let began = start - number / 6 * 3_600_000;
        let hop = Hop {
            id,
            service: "shop",
            began,
            took: (number / 8 % 3) as f64,
            end: "status=200",
            more: json!({}),
        };
        records.push(hop.records()[1].clone());
        let id: &'static str = format!("u{:02}", number / 2).leak();
        records.push(Hop { id, ..hop }.begin());
    }
    send(&server, &records).await;
    for (question, prefix) in
        [("since=3d", 'r'), ("since=3d&sort=slowest", 'r'), ("since=3d&state=unfinished", 'u')]
    {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = server.json(&format!("{PATH}?{question}&limit=7&cursor={cursor}")).await;
            let of_page = page["items"].as_array().unwrap().iter();
            seen.extend(of_page.map(|item| {
                (item["duration_ms"].as_f64().unwrap_or(-1.0), item["req_id"].as_str().unwrap().to_owned())
            }));
            let Some(next) = page["next_cursor"].as_str() else { break };
            next.clone_into(&mut cursor);
        }
        if question.contains("slowest") {
            assert!(seen.is_sorted_by(|a, b| a.0 >= b.0), "{question}");
        }
        let mut seen: Vec<_> = seen.into_iter().map(|(_, id)| id).collect();
        seen.sort();
        let expected: Vec<_> = (0..90).map(|number| format!("{prefix}{:02}", number / 2)).collect();
        assert_eq!(seen, expected, "{question}");
    }
}

#[tokio::test]
async fn bad_questions_for_requests_are_named() {
    let server = Server::start().await;
    let long = "x".repeat(1025);
    let project = "p".repeat(129);
    let other = server.json(&format!("{PATH}?sort=slowest")).await;
    assert_eq!(other, json!({"items": [], "next_cursor": null}));
    for (query, field) in [
        ("colour=red", "colour"),
        ("uid=a&uid=b", "uid"),
        (&*format!("service={project}"), "service"),
        (&format!("project={project}"), "project"),
        ("service=a&project=b", "project"),
        (&format!("environment={project}"), "environment"),
        (&format!("method={long}"), "method"),
        (&format!("route={long}"), "route"),
        (&format!("url={long}"), "url"),
        (&format!("uid={long}"), "uid"),
        (&format!("rrdid={long}"), "rrdid"),
        (&format!("ip={long}"), "ip"),
        ("status=99", "status"),
        ("status=1000", "status"),
        ("status=0xx", "status"),
        ("status=xx", "status"),
        ("status=200,", "status"),
        ("status=ok", "status"),
        ("min_ms=fast", "min_ms"),
        ("min_ms=-1", "min_ms"),
        ("max_ms=inf", "max_ms"),
        ("max_ms=NaN", "max_ms"),
        ("state=done", "state"),
        ("error=yes", "error"),
        ("error=true&state=ok", "error"),
        ("sort=failing&state=unfinished", "sort"),
        ("sort=failing&error=false", "sort"),
        ("sort=fastest", "sort"),
        ("sort=slowest&state=unfinished", "sort"),
        ("min_ms=5&state=unfinished", "min_ms"),
        ("status=500&state=unfinished", "status"),
        ("since=9d&state=unfinished", "since"),
        ("since=yesterday", "since"),
        ("until=soon", "until"),
        ("hops=inner", "hops"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=many", "limit"),
        ("cursor=x", "cursor"),
        (&format!("cursor={}", "0".repeat(80)), "cursor"),
    ] {
        let response = server.get(&format!("{PATH}?{query}")).send().await.unwrap();
        let refused = answer(response, StatusCode::UNPROCESSABLE_ENTITY).await;
        assert_eq!(refused["error"]["field"], field, "{query}");
    }
}
