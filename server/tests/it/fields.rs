//! The table of fields, and what must agree with it.

use crate::harness::{Server, answer, now_ms};
use log_center_server::event::columns::COLUMNS;
use log_center_server::event::docs;
use log_center_wire::UnixMillis;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::path::Path;

/// A new column needs its migration; a comment is the same wherever it is read.
#[tokio::test]
async fn the_table_of_fields_is_the_one_in_clickhouse() {
    let server = Server::start().await;
    let described = "SELECT name, type, comment FROM system.columns WHERE database = currentDatabase() \
        AND table = 'event_store' ORDER BY name FORMAT TSVRaw";
    let mut expected: Vec<_> = COLUMNS.iter().map(|column| (column.name, column.sql_type)).collect();
    expected.extend([("batch", "UInt64"), ("ordinal", "UInt32")]);
    expected.sort_unstable();
    let found = server.sql(described).await;
    let found: Vec<_> = found.lines().map(|line| line.split('\t').collect::<Vec<_>>()).collect();
    let found: Vec<_> = found.iter().map(|column| (column[0], column[1])).collect();
    assert_eq!(found, expected);

    let in_view = "SELECT name, type, comment FROM system.columns WHERE database = currentDatabase() \
        AND table = 'events' AND name NOT IN ('id', 'batch') ORDER BY position FORMAT TSVRaw";
    let expected: Vec<_> = COLUMNS
        .iter()
        .map(|column| format!("{}\t{}\t{}", column.name, column.view_type, column.comment))
        .collect();
    assert_eq!(server.sql(in_view).await, expected.join("\n"));
}

/// `LOG_CENTER_WRITE_DOCS=1 cargo nextest run -p log-center-server the_page_of_fields` makes the page anew.
#[test]
fn the_page_of_fields_is_that_of_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/fields.md");
    if std::env::var_os("LOG_CENTER_WRITE_DOCS").is_some() {
        std::fs::write(&path, docs::page()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert_eq!(written, docs::page(), "docs/fields.md is not that of the table: see this test");
}

/// A field is searched, counted, answered and in the views as soon as the table has it.
#[tokio::test]
async fn the_target_of_a_record_is_found_wherever_fields_are() {
    let server = Server::start().await;
    let record = |target: &str, more: Value| {
        let mut record = json!({"name": "shop", "hostname": "h1", "pid": 1, "level": 30, "msg": "m", "scope": "biz",
            "time": UnixMillis(now_ms() - 1000).to_string(), "target": target});
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        record.to_string()
    };
    let err = json!({"type": "E", "msg": "no", "stack": "", "file_path": "a.rs", "line_number": 1});
    let body = [
        record("hyper::proto", json!({})),
        record("hyper::client", json!({"level": 50, "scope": "visit", "err": err})),
        record("", json!({})),
    ];
    let kept = server.post("/api/v1/events").body(body.join("\n")).send().await.unwrap();
    assert_eq!(answer(kept, StatusCode::OK).await["accepted"], 3);
    server.sql_becomes("SELECT count() FROM events", "3").await;
    for (q, found) in
        [("target:hyper::proto", 1), ("logger:hyper*", 2), ("-target:*", 1), ("target:hyper", 0)]
    {
        let answer = server.get("/api/v1/events").query(&[("q", q)]).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["items"].as_array().unwrap().len(), found, "{q}");
    }
    let one = server.json("/api/v1/events?q=target:hyper*+level:info").await;
    assert_eq!(one["items"][0]["target"], "hyper::proto");
    assert_eq!(one["items"][0].get("attributes"), None);
    assert_eq!(server.sql("SELECT target FROM errors").await, "hyper::client");
    assert_eq!(server.sql("SELECT max(target) FROM biz_events").await, "hyper::proto");
    let facets = server.json("/api/v1/events/facets?fields=target").await;
    assert_eq!(facets["target"].as_array().unwrap().len(), 3);
}
