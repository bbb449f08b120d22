//! Two hours of a small shop, and an hour of the day before: what the questions of analysts are tried on.
//!
//! ```text
//! customer → shop ─┬→ stock          a look at each product of an order
//!                  └→ pay → bank     which refuses some, more of them since release 1.5.0
//! ```
//! Nothing is random, so that answers can be compared: request `n` of a day is always the same.

use crate::harness::{Server, a_report, answer};
use log_center_wire::UnixMillis;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// Requests of the last two hours. Every tenth of them has the same route.
const TODAY: i64 = 200;
/// Requests of an hour that ended a day before that.
const YESTERDAY: i64 = 60;
/// From one request to the next.
const STEP_MS: i64 = 35_000;
/// From one sample of a process to the next.
const SAMPLE_MS: i64 = 60_000;
const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// Sends everything and waits until it can be read.
pub async fn fill(server: &Server) {
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let today = now - 2 * 60 * MINUTE_MS;
    let mut records = Vec::new();
    for number in 0..YESTERDAY {
        Request::new(number, today - DAY_MS + number * STEP_MS, "1.4.0").write(&mut records);
    }
    for number in 0..TODAY {
        let version = if number < TODAY / 2 { "1.4.0" } else { "1.5.0" };
        Request::new(number, today + number * STEP_MS, version).write(&mut records);
    }
    processes(today, &mut records);
    // A stock service that was killed while it answered, and a host whose clock stands in another year.
    records.push(visit("stock", today + MINUTE_MS, 20, "request received", "client-req", json!({"req_id": "req_abc123", "span_id": "00000000000000aa", "extra": "method=GET route=/stock/{id}"})));
    records.push(record("stock", 0, 30, "stock counted", json!({"scope": "biz", "extra": "sku=7 left=12"})));
    let body: Vec<String> = records.iter().map(Value::to_string).collect();
    let kept = server.post("/api/v1/events").body(body.join("\n")).send().await.unwrap();
    assert_eq!(answer(kept, StatusCode::OK).await["accepted"], records.len());
    let reports = 3;
    for _ in 0..reports {
        server.report(&a_report(42)).await;
    }
    let expected = (records.len() + reports).to_string();
    server.sql_becomes("SELECT count() FROM events", &expected).await;
    // What is added up can be read a moment after that.
    for (view, of) in [
        ("event_counts", "events"),
        ("issues", "errors"),
        ("requests_by_minute", "requests"),
        ("calls_by_minute", "calls"),
        ("performance_by_minute", "performance"),
    ] {
        let missing = format!("SELECT (SELECT count() FROM {of}) - (SELECT sum(count) FROM {view})");
        server.sql_becomes(&missing, "0").await;
    }
    for (status, note) in [("VERIFYING", "seen on staging"), ("PENDING_FIX", "the bank's new limit")] {
        let change = json!({"status": status, "actor": "alice", "note": note});
        let id = server.sql("SELECT id FROM issues WHERE type = 'PaymentFailed'").await;
        let changed = server.client.patch(format!("{}/api/v1/issues/{id}", server.api)).json(&change);
        answer(changed.send().await.unwrap(), StatusCode::OK).await;
    }
    server.sql_becomes("SELECT count() FROM issue_changes", "2").await;
}

/// One customer's request.
struct Request {
    number: i64,
    at: i64,
    version: &'static str,
    id: String,
}

impl Request {
    /// Its id is a UUIDv7 of that time.
    fn new(number: i64, at: i64, version: &'static str) -> Self {
        let (high, low) = (at >> 16, at & 0xffff);
        Self { number, at, version, id: format!("{high:08x}-{low:04x}-7000-8000-{number:012x}") }
    }

    fn write(&self, records: &mut Vec<Value>) {
        let n = self.number;
        let (method, route, path, ms) = match n % 10 {
            0..=3 => ("GET", "/products", "/products?page=1".to_owned(), 12 + n % 7),
            4..=6 => ("GET", "/products/{id}", format!("/products/{}", n % 13), 20 + n % 11),
            7 | 8 => ("POST", "/orders", "/orders".to_owned(), 180 + n % 90),
            _ => ("GET", "/orders/{id}", format!("/orders/{n}"), 35 + n % 5),
        };
        let refused = n % 10 == 8 && n % (if self.version == "1.4.0" { 9 } else { 3 }) == 0;
        let (status, level) = if refused { (502, 40) } else { (200, 30) };
        let span = self.span(1);
        let asked = json!({"span_id": span, "d": {"url": path, "ip": "203.0.113.9", "ua": "Mozilla/5.0"}});
        let of = |more: Value| merged(&asked, more);
        records.push(self.visit(
            "shop",
            0,
            20,
            "request received",
            "client-req",
            of(json!({"extra": format!("method={method} route={route}")})),
        ));
        match route {
            "/products/{id}" => records.push(self.biz(
                2,
                "product viewed",
                &format!("sku={} price={}.90", n % 13, n % 13 + 10),
            )),
            "/orders" => self.order(refused, records),
            _ => {}
        }
        let extra = format!("method={method} route={route} status={status} bytes={}", 500 + n);
        records.push(self.visit(
            "shop",
            ms,
            level,
            "request answered",
            "client-res",
            of(json!({"tm": ms as f64 + 0.25, "extra": extra})),
        ));
    }

    /// Looks at the stock, charges the card, and says what was sold.
    fn order(&self, refused: bool, records: &mut Vec<Value>) {
        let n = self.number;
        records.push(self.biz(1, "cart filled", &format!("items={}", n % 4 + 1)));
        records.push(self.call("shop", 10, 8.5, "stock.internal", &format!("/stock/{}", n % 13), Ok(200)));
        records.push(self.visit("pay", 20, 20, "request received", "client-req", json!({"span_id": self.span(3), "parent_id": self.span(2), "extra": "method=POST route=/charges"})));
        let charged = if refused { Err("card limit exceeded") } else { Ok(201) };
        records.push(self.call("pay", 120, 60.0 + (n % 30) as f64, "bank.example", "/v2/charges", charged));
        let (status, level) = if refused { (502, 40) } else { (201, 30) };
        records.push(self.visit("pay", 130, level, "request answered", "client-res", json!({"tm": 110.5, "span_id": self.span(3), "parent_id": self.span(2), "extra": format!("method=POST route=/charges status={status} bytes=80")})));
        if refused {
            let err = json!({"type": "PaymentFailed", "msg": "the bank refused the card", "stack": "at src/orders.rs:88\nat src/main.rs:20", "file_path": "src/orders.rs", "line_number": 88});
            records.push(self.visit(
                "shop",
                140,
                50,
                "order failed",
                "trace",
                json!({"span_id": self.span(1), "err": err, "extra": format!("order={n}")}),
            ));
        } else {
            let coupon = if n % 4 == 0 { " coupon=\"spring sale\"" } else { "" };
            let placed = self.biz(
                150,
                "order placed",
                &format!("order={n} amount={}.50 currency=EUR{coupon}", n % 50 + 10),
            );
            records.push(merged(&placed, json!({"shelf": {"row": n % 3}})));
        }
    }

    fn span(&self, hop: i64) -> String {
        format!("{:015x}{hop}", self.at)
    }

    fn visit(&self, service: &str, ms: i64, level: u8, msg: &str, event: &str, more: Value) -> Value {
        let who = json!({"req_id": self.id, "uid": format!("u_{}", self.number * 7 % 41), "rrdid": format!("d_{}", self.number * 7 % 23), "version": self.version,
            "environment": if self.number % 20 == 1 { "staging" } else { "production" }});
        visit(service, self.at + ms, level, msg, event, merged(&who, more))
    }

    fn biz(&self, ms: i64, msg: &str, extra: &str) -> Value {
        self.visit("shop", ms, 30, msg, "", json!({"scope": "biz", "span_id": self.span(1), "extra": extra}))
    }

    fn call(
        &self,
        caller: &str,
        ms: i64,
        tm: f64,
        host: &str,
        path: &str,
        outcome: Result<u16, &str>,
    ) -> Value {
        let (event, level, msg) = match outcome {
            Ok(_) => ("service-end", 30, "call answered"),
            Err(_) => ("service-err", 40, "call failed"),
        };
        let response = match outcome {
            Ok(status) => json!({"http_code": status, "tm": tm}),
            Err(reason) => json!({"http_code": 402, "tm": tm, "err": reason}),
        };
        let hop = if caller == "shop" { 2 } else { 4 };
        self.visit(
            caller,
            ms,
            level,
            msg,
            event,
            json!({"span_id": self.span(hop), "parent_id": self.span(hop - 1),
            "service_req": {"host": host, "path": path}, "service_res": response}),
        )
    }
}

/// What the three programs say of themselves: their starts, and a sample each minute. The memory of `stock` grows.
fn processes(today: i64, records: &mut Vec<Value>) {
    for (index, service) in ["shop", "pay", "stock"].into_iter().enumerate() {
        for (at, version) in [(today - DAY_MS, "1.4.0"), (today + TODAY / 2 * STEP_MS, "1.5.0")] {
            records.push(record(service, at, 30, "service started", json!({"scope": "desc", "version": version, "environment": "production", "extra": "os=linux cores=2"})));
        }
        for sample in 0..TODAY * STEP_MS / SAMPLE_MS {
            let grown = if service == "stock" { sample << 20 } else { (sample % 3) << 20 };
            let perf = json!({"rss": (80 << 20) + grown, "cpu": 3.5 + index as f64});
            records.push(record(
                service,
                today + sample * SAMPLE_MS,
                30,
                "process sample",
                json!({"scope": "stat", "perf": perf, "environment": "production"}),
            ));
        }
    }
}

fn visit(service: &str, at: i64, level: u8, msg: &str, event: &str, more: Value) -> Value {
    let kind =
        if event.is_empty() { json!({"scope": "visit"}) } else { json!({"scope": "visit", "event": event}) };
    record(service, at, level, msg, merged(&kind, more))
}

fn record(service: &str, at: i64, level: u8, msg: &str, more: Value) -> Value {
    let base = json!({"v": 1, "name": service, "hostname": format!("{service}-1"), "pid": 7, "level": level, "time": UnixMillis(at).to_string(), "msg": msg});
    merged(&base, more)
}

/// Both objects as one; where they differ, the second.
fn merged(first: &Value, second: Value) -> Value {
    let mut all = first.clone();
    let Value::Object(second) = second else { panic!("an object, not {second}") };
    all.as_object_mut().unwrap().extend(second);
    all
}
