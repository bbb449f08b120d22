//! The `id` of an event: one name for it wherever it is shown.

use crate::harness::{Server, answer, now_ms};
use log_center_wire::UnixMillis;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn record(ms: i64, more: Value) -> Value {
    let mut record = json!({"name": "shop", "hostname": "h1", "pid": 7, "level": 30,
        "time": UnixMillis(ms).to_string(), "msg": "m", "scope": "visit"});
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    record
}

async fn send(server: &Server, records: &[Value]) {
    let body: Vec<String> = records.iter().map(Value::to_string).collect();
    let kept = server.post("/api/v1/events").body(body.join("\n")).send().await.unwrap();
    assert_eq!(answer(kept, StatusCode::OK).await["accepted"], records.len());
}

fn ids(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
}

fn texts<'a>(list: &'a Value, member: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|event| event[member].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_event_has_one_id_wherever_it_is_shown() {
    let server = Server::start().await;
    let now = now_ms();
    let err = json!({"type": "Declined", "msg": "no", "stack": "", "file_path": "a.rs", "line_number": 1});
    let failed = json!({"level": 50, "req_id": "r1", "event": "trace", "msg": "failed", "err": err});
    // Enough for a batch of columns, and one more for a batch of rows.
    let many: Vec<_> =
        (0..100).map(|number| record(now - 1000, json!({"extra": format!("n={number}")}))).collect();
    send(&server, &many).await;
    send(&server, &[record(now - 500, failed)]).await;
    server.sql_becomes("SELECT count() FROM events", "101").await;

    let listed = server.json("/api/v1/events?limit=500&q=").await;
    let known: BTreeSet<String> = ids(&listed["items"]).into_iter().collect();
    assert_eq!(known.len(), 101, "no two events have the same id");
    let in_sql = server.sql("SELECT id FROM events ORDER BY id").await;
    assert_eq!(in_sql.lines().map(str::to_owned).collect::<BTreeSet<_>>(), known);
    let id = server.sql("SELECT id FROM errors").await;
    assert!(known.contains(&id), "{id}");
    let request = server.json("/api/v1/requests/r1").await;
    assert_eq!(ids(&request["events"]), std::slice::from_ref(&id));
    let issue = server.json("/api/v1/issues").await["items"][0]["id"].clone();
    let occurrences = server.json(&format!("/api/v1/issues/{issue}/occurrences")).await;
    assert_eq!(ids(&occurrences["items"]), std::slice::from_ref(&id));
    let whole = server.json(&format!("/api/v1/events/{id}")).await;
    assert_eq!((&whole["msg"], &whole["id"]), (&json!("failed"), &json!(id)));

    // Merges move rows, and a restart reads everything anew.
    server.sql("OPTIMIZE TABLE event_store FINAL").await;
    let server = server.kill_and_restart().await;
    server.sql_becomes("SELECT count() FROM events", "101").await;
    let after = server.sql("SELECT id FROM events ORDER BY id").await;
    assert_eq!(after, in_sql);
    assert_eq!(server.json(&format!("/api/v1/events/{id}")).await["msg"], "failed");
}

#[tokio::test]
async fn events_of_one_millisecond_keep_the_order_of_arrival() {
    let server = Server::start().await;
    let now = now_ms();
    let of = |number: usize| {
        record(now, json!({"msg": format!("m{number}"), "req_id": format!("r{}", number * 7919 % 97)}))
    };
    let sent: Vec<_> = (0..200).map(of).collect();
    for batch in [&sent[..80], &sent[80..100], &sent[100..]] {
        send(&server, batch).await;
        server.sql_becomes("SELECT count() > 0 FROM events", "1").await;
    }
    server.sql_becomes("SELECT count() FROM events", "200").await;
    let mut found = Vec::new();
    let mut next = String::new();
    loop {
        let page = server.json(&format!("/api/v1/events?limit=30{next}")).await;
        found.extend(texts(&page["items"], "msg").into_iter().map(str::to_owned));
        match page["next_cursor"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => break,
        }
    }
    found.reverse();
    let expected: Vec<_> = (0..200).map(|number| format!("m{number}")).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn what_stood_around_an_event_is_shown() {
    let server = Server::start().await;
    let now = now_ms();
    let other = json!({"pid": 8, "msg": "other"});
    let mut records: Vec<_> = (0..10)
        .map(|number| {
            record(
                now - 10_000 + number / 2,
                json!({"msg": format!("m{number}"), "uid": format!("u{}", number % 2)}),
            )
        })
        .collect();
    records.insert(5, record(now - 10_000 + 2, other));
    send(&server, &records).await;
    server.sql_becomes("SELECT count() FROM events", "11").await;
    let id = server.sql("SELECT id FROM events WHERE msg = 'm4'").await;

    let around = server.json(&format!("/api/v1/events/{id}/around")).await;
    assert_eq!(texts(&around["before"], "msg"), ["m0", "m1", "m2", "m3"]);
    assert_eq!(around["event"]["msg"], "m4");
    assert_eq!(texts(&around["after"], "msg"), ["m5", "m6", "m7", "m8", "m9"]);
    let near = server.json(&format!("/api/v1/events/{id}/around?limit=2&by=service")).await;
    assert_eq!(texts(&near["before"], "msg"), ["m2", "m3"]);
    assert_eq!(texts(&near["after"], "msg"), ["other", "m5"]);
    let of_user = server.json(&format!("/api/v1/events/{id}/around?by=user")).await;
    assert_eq!(texts(&of_user["before"], "msg"), ["m0", "m2"]);
    assert_eq!(texts(&of_user["after"], "msg"), ["m6", "m8"]);
    let refused = server.get(&format!("/api/v1/events/{id}/around?by=request")).send().await.unwrap();
    let refused = answer(refused, StatusCode::UNPROCESSABLE_ENTITY).await;
    assert_eq!(refused["error"]["field"], "by");
}

#[tokio::test]
async fn an_id_of_no_event_is_refused() {
    let server = Server::start().await;
    for id in ["1", "x", "1-2-3-4", "-1-2-3", "99999999999999999999-1-1", "1-2-4294967296"] {
        let refused = server.get(&format!("/api/v1/events/{id}")).send().await.unwrap();
        assert_eq!(answer(refused, StatusCode::UNPROCESSABLE_ENTITY).await["error"]["field"], "id", "{id}");
    }
    for id in
        ["1-2-3", "1763744400123-1763744400123456-0", "9223372036854775807-18446744073709551615-4294967295"]
    {
        let missing = server.get(&format!("/api/v1/events/{id}")).send().await.unwrap();
        assert_eq!(answer(missing, StatusCode::NOT_FOUND).await["error"]["code"], "not_found", "{id}");
    }
}
