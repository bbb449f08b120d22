//! One request put back together, from what services sent.

use crate::harness::{Server, answer};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};
use uuid::{NoContext, Timestamp, Uuid};

/// Two days ago: the server believes no time that is much older.
static START_MS: LazyLock<i64> = LazyLock::new(|| {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    i64::try_from(now).unwrap() - 2 * 24 * 60 * 60 * 1000
});

/// A UUIDv7 of that time.
static ID: LazyLock<String> = LazyLock::new(|| {
    let (seconds, nanos) = (*START_MS / 1000, *START_MS % 1000 * 1_000_000);
    let made_at = Timestamp::from_unix(NoContext, seconds.try_into().unwrap(), nanos.try_into().unwrap());
    Uuid::new_v7(made_at).to_string()
});

fn time(ms: i64) -> String {
    log_center_wire::UnixMillis(*START_MS + ms).to_string()
}

/// A record of the request, `ms` after its start.
fn record(id: &str, name: &str, ms: i64, event: &str, more: Value) -> Value {
    let mut record = json!({"name": name, "hostname": format!("{name}-1"), "pid": 1, "level": 30, "time": time(ms),
        "msg": event, "scope": "visit", "event": event, "req_id": id});
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    record
}

async fn send(server: &Server, records: &[Value]) {
    let body: Vec<String> = records.iter().map(Value::to_string).collect();
    let kept =
        answer(server.post("/api/v1/events").body(body.join("\n")).send().await.unwrap(), StatusCode::OK)
            .await;
    assert_eq!(kept["accepted"], records.len());
}

/// A gateway that calls prices, both with the ids of the layer.
fn a_chain(id: &str) -> Vec<Value> {
    let called = json!({"host": "prices:8080", "path": "/rates/eur"});
    vec![
        record(
            id,
            "gateway",
            0,
            "client-req",
            json!({"span_id": "aaaaaaaaaaaaaaaa", "extra": "method=GET route=/prices/{c}"}),
        ),
        record(
            id,
            "gateway",
            2,
            "service-start",
            json!({"span_id": "bbbbbbbbbbbbbbbb", "parent_id": "aaaaaaaaaaaaaaaa", "service_req": called, "extra": "method=GET"}),
        ),
        record(
            id,
            "prices",
            4,
            "client-req",
            json!({"span_id": "cccccccccccccccc", "parent_id": "bbbbbbbbbbbbbbbb", "extra": "method=GET route=/rates/{c}"}),
        ),
        record(
            id,
            "prices",
            5,
            "trace",
            json!({"span_id": "cccccccccccccccc", "parent_id": "bbbbbbbbbbbbbbbb", "level": 50,
            "err": {"type": "Declined", "msg": "no rate", "stack": "", "file_path": "src/rate.rs", "line_number": 7}}),
        ),
        record(
            id,
            "prices",
            8,
            "client-res",
            json!({"span_id": "cccccccccccccccc", "parent_id": "bbbbbbbbbbbbbbbb", "level": 40,
            "tm": 4.25, "extra": "status=500 route=/rates/{c} method=GET"}),
        ),
        record(
            id,
            "gateway",
            10,
            "service-err",
            json!({"span_id": "bbbbbbbbbbbbbbbb", "parent_id": "aaaaaaaaaaaaaaaa", "level": 40,
            "service_req": called, "service_res": {"http_code": 500, "tm": 8.5}, "extra": "method=GET"}),
        ),
        record(
            id,
            "gateway",
            12,
            "client-res",
            json!({"span_id": "aaaaaaaaaaaaaaaa", "tm": 12.5, "extra": "status=502 route=/prices/{c} method=GET"}),
        ),
    ]
}

/// Name, start, duration, status and state of each hop, indented as they hang.
fn outline(hops: &Value) -> Vec<String> {
    fn walk(hops: &Value, depth: usize, out: &mut Vec<String>) {
        for hop in hops.as_array().unwrap() {
            let word = |key: &str| hop[key].as_str().unwrap_or_default().to_owned();
            out.push(format!(
                "{}{} {} {} {}+{} {} {}",
                "  ".repeat(depth),
                word("project"),
                word("kind"),
                word("name"),
                hop["start_ms"],
                hop["duration_ms"],
                hop["status"],
                word("state")
            ));
            walk(&hop["children"], depth + 1, out);
        }
    }
    let mut out = Vec::new();
    walk(hops, 0, &mut out);
    out
}

#[tokio::test]
async fn hops_nest_by_their_ids() {
    let server = Server::start().await;
    send(&server, &a_chain(&ID)).await;
    let request = server.json(&format!("/api/v1/requests/{}", *ID)).await;
    assert_eq!(
        outline(&request["hops"]),
        [
            "gateway server GET /prices/{c} 0.0+12.5 502 error",
            "  gateway client GET prices:8080/rates/eur 2.0+8.5 500 error",
            "    prices server GET /rates/{c} 4.0+4.25 500 error",
        ]
    );
    assert_eq!(request["req_id"], *ID);
    assert_eq!(request["started_at"], time(0));
    assert_eq!((&request["duration_ms"], &request["complete"]), (&json!(12.5), &json!(true)));
    assert_eq!((&request["truncated"], &request["error_count"]), (&json!(false), &json!(1)));
    assert_eq!(request["services"], json!(["gateway", "prices"]));
    let issues = server.json("/api/v1/issues").await;
    assert_eq!(request["issues"], json!([issues["items"][0]["id"]]));
    let events = request["events"].as_array().unwrap();
    assert_eq!(events.len(), 7);
    assert_eq!(events[3]["issue_id"], issues["items"][0]["id"]);
    assert_eq!(events[3]["err"]["file_path"], "src/rate.rs");
    assert_eq!(events[1]["service_req"], json!({"host": "prices:8080", "path": "/rates/eur"}));
    for event in events {
        // Readers of bunyan take them as they are.
        for key in ["v", "level", "name", "hostname", "pid", "time", "msg", "project"] {
            assert!(!event[key].is_null(), "{key} in {event}");
        }
    }
}

#[tokio::test]
async fn a_foreign_id_and_a_later_time_are_found_too() {
    let server = Server::start().await;
    send(&server, &a_chain("req_abc123")).await;
    assert_eq!(server.json("/api/v1/requests/req_abc123").await["events"].as_array().unwrap().len(), 7);
    // Ids may hold what a path must not.
    send(&server, &[record("a/b?c", "gateway", 0, "trace", json!({}))]).await;
    let odd = server.json("/api/v1/requests/a%2Fb%3Fc").await;
    assert_eq!(
        (&odd["req_id"], &odd["complete"], &odd["hops"]),
        (&json!("a/b?c"), &json!(false), &json!([]))
    );
    // A day after the id was made.
    let late = 24 * 60 * 60 * 1000;
    send(
        &server,
        &[
            record(&ID, "gateway", 0, "client-req", json!({})),
            record(&ID, "gateway", late, "client-res", json!({})),
        ],
    )
    .await;
    let long = server.json(&format!("/api/v1/requests/{}", *ID)).await;
    assert_eq!(outline(&long["hops"]), [format!("gateway server  0.0+{late}.0 null ok")]);
}

/// The id of a look-up tells its time only if it is a UUIDv7; for the others it is kept.
#[tokio::test]
async fn a_request_is_looked_for_at_its_time_first() {
    let server = Server::start().await;
    let simple = ID.replace('-', "");
    let day = 24 * 60 * 60 * 1000;
    let ends = |id: &str, begin: i64, end: i64| {
        [record(id, "shop", begin, "client-req", json!({})), record(id, "shop", end, "client-res", json!({}))]
    };
    // Days long; and as long after the time that is in the id, which is no UUIDv7 without its dashes.
    send(&server, &[ends("long", -3 * day, day), ends(&simple, day, 2 * day)].concat()).await;
    for (id, took) in [("long", 4 * day), (&simple, day)] {
        let request = server.json(&format!("/api/v1/requests/{id}")).await;
        assert_eq!(outline(&request["hops"]), [format!("shop server  0.0+{took}.0 null ok")], "{id}");
    }
    // A program whose clock was a week off when it made the id.
    send(&server, &ends(&ID, -7 * day, -7 * day + 5)).await;
    let early = server.json(&format!("/api/v1/requests/{}", *ID)).await;
    assert_eq!(outline(&early["hops"]), ["shop server  0.0+5.0 null ok"]);
    // More of a request whose time was known, and of one from before times were kept.
    send(&server, &[record("long", "shop", day + 7, "trace", json!({}))]).await;
    server.sql_becomes("SELECT count() FROM events", "7").await;
    assert_eq!(server.json("/api/v1/requests/long").await["events"].as_array().unwrap().len(), 3);
    server.sql("TRUNCATE TABLE request_time_store").await;
    assert_eq!(server.json("/api/v1/requests/long").await["complete"], true);
}

#[tokio::test]
async fn hops_without_ids_are_paired_by_process_and_time() {
    let server = Server::start().await;
    let called = |path: &str| json!({"host": "prices:80", "path": path});
    let done = |path: &str, tm: f64| json!({"service_req": called(path), "service_res": {"http_code": 200, "tm": tm}});
    send(
        &server,
        &[
            record("r1", "shop", 0, "client-req", json!({"d": {"url": "/buy", "ip": "::1", "ua": "curl"}})),
            // Two calls to the same place at once: the durations tell them apart.
            record("r1", "shop", 1, "service-start", json!({"service_req": called("/eur")})),
            record("r1", "shop", 3, "service-start", json!({"service_req": called("/eur")})),
            record("r1", "prices", 4, "client-req", json!({"d": {"url": "/eur", "ip": "::1", "ua": ""}})),
            record("r1", "prices", 5, "client-res", json!({"tm": 1.0})),
            record("r1", "shop", 6, "service-end", done("/eur", 3.0)),
            record("r1", "shop", 9, "service-end", done("/eur", 8.0)),
            record("r1", "shop", 10, "client-res", json!({"tm": 10.0})),
        ],
    )
    .await;
    let request = server.json("/api/v1/requests/r1").await;
    assert_eq!(
        outline(&request["hops"]),
        [
            "shop server /buy 0.0+10.0 null ok",
            "  shop client prices:80/eur 1.0+8.0 200 ok",
            "  shop client prices:80/eur 3.0+3.0 200 ok",
            "    prices server /eur 4.0+1.0 null ok",
        ]
    );
}

fn url(path: &str) -> Value {
    json!({"d": {"url": path, "ip": "::1", "ua": ""}})
}

fn with(a: Value, b: Value) -> Value {
    let mut both = a;
    both.as_object_mut().unwrap().extend(b.as_object().unwrap().clone());
    both
}

/// Begin and end of a request that takes `tm`, and of a call.
fn handled(id: &str, name: &str, ms: i64, tm: f64, status: u16, more: Value) -> [Value; 2] {
    let end = with(more.clone(), json!({"tm": tm, "extra": format!("status={status}")}));
    [record(id, name, ms, "client-req", more), record(id, name, ms + tm as i64, "client-res", end)]
}

fn call(
    id: &str,
    name: &str,
    ms: i64,
    tm: f64,
    status: u16,
    (host, path): (&str, &str),
    more: Value,
) -> [Value; 2] {
    let begin = with(more, json!({"service_req": {"host": host, "path": path}}));
    let end = with(begin.clone(), json!({"service_res": {"http_code": status, "tm": tm}}));
    [record(id, name, ms, "service-start", begin), record(id, name, ms + tm as i64, "service-end", end)]
}

/// Sorted by time, as they are answered.
async fn tree(server: &Server, id: &str, records: impl IntoIterator<Item = [Value; 2]>) -> Vec<String> {
    let mut records: Vec<Value> = records.into_iter().flatten().collect();
    records.sort_by(|a, b| a["time"].as_str().cmp(&b["time"].as_str()));
    send(server, &records).await;
    let request = server.json(&format!("/api/v1/requests/{id}")).await;
    outline(&request["hops"])
}

/// Two parallel calls without ids: each request hangs below the call of its path, status, duration or method.
#[tokio::test]
async fn parallel_calls_without_ids_are_told_apart() {
    let server = Server::start().await;
    let front = |id| handled(id, "front", 0, 60.0, 200, url("/"));
    let by_path = tree(
        &server,
        "path",
        [
            front("path"),
            call("path", "front", 1, 50.0, 500, ("users", "/users/1"), json!({})),
            call("path", "front", 1, 9.0, 200, ("prices", "/prices/7"), json!({})),
            handled("path", "prices-api", 2, 7.0, 200, url("/prices/7?currency=eur")),
            handled("path", "users-api", 3, 47.0, 500, url("https://users/users/1")),
        ],
    )
    .await;
    assert_eq!(
        by_path,
        [
            "front server / 0.0+60.0 200 ok",
            "  front client users/users/1 1.0+50.0 500 error",
            "    users-api server https://users/users/1 3.0+47.0 500 error",
            "  front client prices/prices/7 1.0+9.0 200 ok",
            "    prices-api server /prices/7?currency=eur 2.0+7.0 200 ok",
        ]
    );
    // The same path twice: the status tells.
    let by_status = tree(
        &server,
        "status",
        [
            front("status"),
            call("status", "front", 1, 30.0, 404, ("a", "/x"), json!({})),
            call("status", "front", 1, 30.0, 200, ("a", "/x"), json!({})),
            handled("status", "s1", 2, 20.0, 200, url("/x")),
            handled("status", "s2", 2, 20.0, 404, url("/x")),
        ],
    )
    .await;
    assert_eq!(
        by_status[1..],
        [
            "  front client a/x 1.0+30.0 404 ok",
            "    s2 server /x 2.0+20.0 404 ok",
            "  front client a/x 1.0+30.0 200 ok",
            "    s1 server /x 2.0+20.0 200 ok",
        ]
    );
    // The same path and status: the duration tells.
    let by_duration = tree(
        &server,
        "duration",
        [
            front("duration"),
            call("duration", "front", 1, 12.0, 200, ("a", "/x"), json!({})),
            call("duration", "front", 1, 42.0, 200, ("a", "/x"), json!({})),
            handled("duration", "s1", 2, 40.0, 200, url("/x")),
            handled("duration", "s2", 2, 10.0, 200, url("/x")),
        ],
    )
    .await;
    assert_eq!(
        by_duration[1..],
        [
            "  front client a/x 1.0+12.0 200 ok",
            "    s2 server /x 2.0+10.0 200 ok",
            "  front client a/x 1.0+42.0 200 ok",
            "    s1 server /x 2.0+40.0 200 ok",
        ]
    );
    // The same path: the method tells.
    let method = |word: &str, more: Value| with(more, json!({"extra": format!("method={word}")}));
    let by_method = tree(
        &server,
        "method",
        [
            front("method"),
            call("method", "front", 1, 30.0, 200, ("a", "/x"), method("POST", json!({}))),
            call("method", "front", 1, 30.0, 200, ("b", "/x"), method("GET", json!({}))),
            handled("method", "s1", 2, 20.0, 200, method("GET", url("/x"))),
            handled("method", "s2", 2, 20.0, 200, method("POST", url("/x"))),
        ],
    )
    .await;
    let hosts: Vec<_> = by_method[1..].iter().map(|line| line.trim().split(' ').next().unwrap()).collect();
    assert_eq!(hosts, ["front", "s2", "front", "s1"], "{by_method:?}");
    // One that says nothing of its path takes no call from one that does.
    let by_what_is_left = tree(
        &server,
        "left",
        [
            front("left"),
            call("left", "front", 1, 30.0, 200, ("a", "/x"), json!({})),
            call("left", "front", 1, 30.0, 200, ("b", "/y"), json!({})),
            handled("left", "s1", 2, 20.0, 200, json!({})),
            handled("left", "s2", 3, 20.0, 200, url("/y")),
        ],
    )
    .await;
    assert_eq!(
        by_what_is_left[1..],
        [
            "  front client a/x 1.0+30.0 200 ok",
            "    s1 server  2.0+20.0 200 ok",
            "  front client b/y 1.0+30.0 200 ok",
            "    s2 server /y 3.0+20.0 200 ok",
        ]
    );
}

/// Services of one process that handle the same request twice at once are paired by the URL.
#[tokio::test]
async fn begins_and_ends_without_ids_are_paired_by_their_url() {
    let server = Server::start().await;
    let hops = tree(
        &server,
        "r1",
        [handled("r1", "shop", 0, 40.0, 200, url("/a")), handled("r1", "shop", 0, 30.0, 500, url("/b"))],
    )
    .await;
    assert_eq!(hops, ["shop server /a 0.0+40.0 200 ok", "shop server /b 0.0+30.0 500 error"]);
}

/// Several hops may have one `span_id`.
#[tokio::test]
async fn hops_of_one_span_id_are_told_apart() {
    let server = Server::start().await;
    let (a, b) = ("aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb");
    let ids = |span: &str, parent: &str| json!({"span_id": span, "parent_id": parent});
    // The server takes the id of the call, as in Zipkin, and calls on with ids below it.
    let zipkin = tree(
        &server,
        "zipkin",
        [
            handled("zipkin", "front", 0, 20.0, 200, ids(a, "")),
            call("zipkin", "front", 1, 15.0, 500, ("pay", "/x"), ids(b, a)),
            handled("zipkin", "pay", 2, 10.0, 500, ids(b, a)),
            call("zipkin", "pay", 3, 5.0, 200, ("bank", "/y"), ids("cccccccccccccccc", b)),
        ],
    )
    .await;
    let shape = |lines: &[String]| -> Vec<String> {
        let words = |line: &String| {
            let depth = line.len() - line.trim_start().len();
            let words: Vec<_> = line.trim_start().split(' ').take(2).collect();
            format!("{depth} {}", words.join(" "))
        };
        lines.iter().map(words).collect()
    };
    assert_eq!(
        shape(&zipkin),
        ["0 front server", "2 front client", "4 pay server", "6 pay client"],
        "{zipkin:?}"
    );
    assert!(zipkin[2].ends_with("500 error"), "{zipkin:?}");
    // A service that passes on the ids that it got; nobody wrote the call.
    let passed_on = tree(
        &server,
        "passed",
        [
            handled("passed", "front", 0, 20.0, 200, ids(a, "")),
            handled("passed", "pay", 2, 10.0, 500, ids(a, "")),
        ],
    )
    .await;
    assert_eq!(passed_on, ["front server  0.0+20.0 200 ok", "  pay server  2.0+10.0 500 error"]);
    // All records of a service have the id of its request: its calls have none of their own.
    let shared = tree(
        &server,
        "shared",
        [
            handled("shared", "front", 0, 20.0, 200, ids(a, "")),
            call("shared", "front", 1, 5.0, 200, ("pay", "/x"), ids(a, "")),
            call("shared", "front", 7, 5.0, 200, ("mail", "/y"), ids(a, "")),
            handled("shared", "pay", 2, 3.0, 200, with(ids(b, a), url("/x"))),
        ],
    )
    .await;
    assert_eq!(
        shape(&shared),
        ["0 front server", "2 front client", "4 pay server", "2 front client"],
        "{shared:?}"
    );
    // Three services in a row with one id.
    let row = tree(
        &server,
        "row",
        [
            handled("row", "front", 0, 20.0, 200, ids(a, b)),
            handled("row", "shop", 1, 18.0, 200, ids(a, b)),
            handled("row", "pay", 2, 10.0, 500, ids(a, b)),
        ],
    )
    .await;
    assert_eq!(shape(&row), ["0 front server", "2 shop server", "4 pay server"], "{row:?}");
    assert!(row[2].ends_with("500 error"), "{row:?}");
    // An unfinished one of two is not complete.
    let [begin, _] = handled("open", "pay", 2, 10.0, 200, ids(a, ""));
    send(&server, &handled("open", "front", 0, 20.0, 200, ids(a, ""))).await;
    send(&server, &[begin]).await;
    let open = server.json("/api/v1/requests/open").await;
    assert_eq!(open["complete"], false, "{open}");
}

#[tokio::test]
async fn what_is_missing_is_seen() {
    let server = Server::start().await;
    // The called service died before it wrote its end, and the caller never heard of it.
    let mut records = a_chain(&ID);
    records.retain(|record| record["event"] != "client-res" && record["event"] != "service-err");
    send(&server, &records).await;
    let request = server.json(&format!("/api/v1/requests/{}", *ID)).await;
    assert_eq!(request["complete"], false);
    assert_eq!(
        outline(&request["hops"]),
        [
            "gateway server GET /prices/{c} 0.0+null null unfinished",
            "  gateway client GET prices:8080/rates/eur 2.0+null null unfinished",
            "    prices server GET /rates/{c} 4.0+null null unfinished",
        ]
    );
    // Nobody wrote the call in between: its callee is a root, and so is an end without a begin.
    let mut records = a_chain("r2");
    records.retain(|record| record["span_id"] != "bbbbbbbbbbbbbbbb" && record["msg"] != "client-req");
    send(&server, &records).await;
    assert_eq!(
        outline(&server.json("/api/v1/requests/r2").await["hops"]),
        [
            "gateway server GET /prices/{c} 0.0+12.5 502 error",
            "prices server GET /rates/{c} 4.25+4.25 500 error",
        ]
    );
}

#[tokio::test]
async fn a_clock_that_is_off_is_told() {
    let server = Server::start().await;
    let mut records = a_chain(&ID);
    for record in records.iter_mut().filter(|record| record["name"] == "prices") {
        let event = record["event"].as_str().unwrap();
        let ms = if event == "client-req" { 2004 } else { 2008 };
        record["time"] = time(ms).into();
    }
    send(&server, &records).await;
    let request = server.json(&format!("/api/v1/requests/{}", *ID)).await;
    let hop = &request["hops"][0]["children"][0]["children"][0];
    assert_eq!((&hop["project"], &hop["start_ms"]), (&json!("prices"), &json!(2004.0)));
    assert_eq!(hop["clock_skew_ms"], 2004.0 + 4.25 - 10.5);
    assert_eq!(request["hops"][0]["clock_skew_ms"], Value::Null);
}

#[tokio::test]
async fn hostile_ids_make_neither_circles_nor_a_deep_stack() {
    let server = Server::start().await;
    let hop = |span: String, parent: String| {
        record("r1", "shop", 0, "client-req", json!({"span_id": span, "parent_id": parent}))
    };
    let mut records: Vec<Value> =
        (0..3000).map(|depth| hop(format!("{:016x}", depth + 1), format!("{depth:016x}"))).collect();
    // Around in a circle, and one that is its own parent.
    records.extend([
        hop("f".repeat(16), "e".repeat(16)),
        hop("e".repeat(16), "f".repeat(16)),
        hop("d".repeat(16), "d".repeat(16)),
    ]);
    send(&server, &records).await;
    let response = server.get("/api/v1/requests/r1").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let text = response.text().await.unwrap();
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'[' => depth += 1,
            b']' => depth -= 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    // The list of hops and as many lists of children.
    assert_eq!(deepest, log_center_server::trace::HOP_DEPTH + 1);
    assert!(text.contains("\"truncated\":true"));
    assert_eq!(text.matches("\"span_id\":\"dddddddddddddddd\"").count(), 2);
}

#[tokio::test]
async fn records_of_one_millisecond_stay_in_their_order() {
    let server = Server::start().await;
    let records: Vec<Value> = (0..500)
        .map(|number| record("r1", "shop", 7, "trace", json!({"msg": format!("step {number}")})))
        .collect();
    send(&server, &records).await;
    let request = server.json("/api/v1/requests/r1?limit=400").await;
    let steps: Vec<_> =
        request["events"].as_array().unwrap().iter().map(|event| event["msg"].clone()).collect();
    let expected: Vec<Value> = (0..400).map(|number| format!("step {number}").into()).collect();
    assert_eq!(steps, expected);
    assert_eq!(request["truncated"], true);
}

#[tokio::test]
async fn bad_questions_are_named() {
    let server = Server::start().await;
    for (path, status, field) in [
        ("/api/v1/requests/nobody", 404, Value::Null),
        ("/api/v1/requests/a%20b", 422, json!("req_id")),
        ("/api/v1/requests/%FF", 422, json!("req_id")),
        ("/api/v1/requests/%C3%A4", 422, json!("req_id")),
        ("/api/v1/requests/r1?limit=0", 422, json!("limit")),
        ("/api/v1/requests/r1?limit=100001", 422, json!("limit")),
        ("/api/v1/requests/r1?color=red", 422, json!("color")),
    ] {
        let refused =
            answer(server.get(path).send().await.unwrap(), StatusCode::from_u16(status).unwrap()).await;
        assert_eq!(refused["error"]["field"], field, "{path}");
    }
    let long = "x".repeat(129);
    answer(
        server.get(&format!("/api/v1/requests/{long}")).send().await.unwrap(),
        StatusCode::UNPROCESSABLE_ENTITY,
    )
    .await;
}
