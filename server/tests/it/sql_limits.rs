//! `POST /api/v1/sql`: what a statement may take.

use crate::harness::{DEADLINE, POLL, Server, ServerOptions, answer};
use crate::sql::PATH;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::time::Instant;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// Runs for minutes. The name shows it among the running statements.
const ENDLESS: &str =
    "SELECT count() AS endless_one FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))";

/// How many of the above are running.
const RUNNING: &str = "SELECT count() FROM system.processes WHERE query LIKE '%endless_one%' AND query NOT LIKE '%processes%' \
    AND current_database = currentDatabase()";

async fn limits_hold(server: &Server) {
    let heavy = "SELECT repeat(toString(number % 10), 1000) AS x FROM numbers(400000)";
    for (query, format, code, field) in [
        (ENDLESS, "json", "time_limit", "timeout_seconds"),
        (ENDLESS, "parquet", "time_limit", "timeout_seconds"),
        (
            "SELECT number FROM numbers(1000000000000) WHERE sipHash64(number) = 7",
            "csv",
            "time_limit",
            "timeout_seconds",
        ),
        ("SELECT length(groupArray(number)) FROM numbers(100000000)", "json", "memory_limit", "query"),
        (heavy, "parquet", "bytes_limit", "query"),
        (heavy, "arrow", "bytes_limit", "query"),
    ] {
        // The other limits must be met first, on a slow machine, too.
        let timeout_seconds = if code == "time_limit" { 2 } else { 20 };
        let request = json!({"query": query, "format": format, "timeout_seconds": timeout_seconds});
        let response = server.post(PATH).json(&request).send().await.unwrap();
        let refused = answer(response, StatusCode::UNPROCESSABLE_ENTITY).await;
        assert_eq!(
            (&refused["error"]["code"], &refused["error"]["field"]),
            (&code.into(), &field.into()),
            "{query}"
        );
    }
    server.sql_becomes(RUNNING, "0").await;
}

#[tokio::test]
async fn a_limit_is_named() {
    limits_hold(&Server::start().await).await;
}

#[tokio::test]
async fn a_limit_is_named_elsewhere() {
    let elsewhere = Server::start().await;
    let options = ServerOptions::new().env("LOG_CENTER_CLICKHOUSE_URL", elsewhere.clickhouse_for_writers());
    limits_hold(&options.start().await).await;
}

/// What came of a body that broke off.
async fn broken_body(server: &Server, request: &Value) -> String {
    let mut response = server.post(PATH).json(request).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(piece)) => body.extend_from_slice(&piece),
            Ok(None) => panic!("the body ended as if it was whole: {} bytes", body.len()),
            Err(_) => return String::from_utf8(body).unwrap(),
        }
    }
}

#[tokio::test]
async fn an_answer_that_fails_on_its_way_is_cut_and_says_why() {
    let server = Server::start().await;
    let query = "SELECT number, throwIf(number = 900000, 'late trouble') FROM numbers(1000000)";
    let body = broken_body(&server, &json!({"query": query, "max_rows": 1_000_000})).await;
    let document: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(document["error"]["code"], "bad_statement");
    assert!(document["error"]["message"].as_str().unwrap().starts_with("late trouble"));
    assert!(document["row_count"].is_null() && document["rows"].as_array().unwrap().len() > 1000);

    let body = broken_body(&server, &json!({"query": query, "format": "csv"})).await;
    assert!(body.trim_end().lines().last().unwrap().contains("late trouble"));
    let many = "SELECT number, repeat('x', 100) FROM numbers(600000)";
    let body = broken_body(&server, &json!({"query": many, "format": "csv", "max_rows": 500_000})).await;
    assert!(body.trim_end().lines().last().unwrap().contains("rows_limit"));
    // A constant is counted once by ClickHouse, however often it is written.
    let constant = "SELECT repeat('x', 1000) FROM numbers(400000)";
    let body = broken_body(&server, &json!({"query": constant, "max_rows": 1_000_000})).await;
    assert!(body.len() < 260 << 20 && body[body.len() - 200..].contains("bytes_limit"));
}

/// Sends the endless statement and waits until it runs.
async fn start_endless(server: &Server, running: &str) -> TcpStream {
    let body = json!({"query": ENDLESS, "timeout_seconds": 60}).to_string();
    let mut stream = TcpStream::connect(server.api.trim_start_matches("http://")).await.unwrap();
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    server.sql_becomes(RUNNING, running).await;
    stream
}

#[tokio::test]
async fn a_client_that_goes_away_takes_its_statement_along() {
    let server = Server::start().await;
    drop(start_endless(&server, "1").await);
    server.sql_becomes(RUNNING, "0").await;
}

#[tokio::test]
async fn so_many_run_at_once_and_no_more() {
    let server = Server::start().await;
    let mut streams = Vec::new();
    for running in ["1", "2", "3", "4"] {
        streams.push(start_endless(&server, running).await);
    }
    let one = || server.post(PATH).json(&json!({"query": "SELECT 1"})).send();
    let refused = one().await.unwrap();
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(answer(refused, StatusCode::SERVICE_UNAVAILABLE).await["error"]["code"], "overloaded");
    // What is wrong is told at any time, and everything else is answered.
    let bad = server.post(PATH).json(&json!({"query": "DROP TABLE x"})).send().await.unwrap();
    assert_eq!(bad.status(), StatusCode::UNPROCESSABLE_ENTITY);
    server.json("/api/v1/issues").await;
    drop(streams);
    let started = Instant::now();
    while one().await.unwrap().status() != StatusCode::OK {
        assert!(started.elapsed() < DEADLINE, "never free again");
        tokio::time::sleep(POLL).await;
    }
    server.sql_becomes(RUNNING, "0").await;
}

#[tokio::test]
async fn a_stop_does_not_wait_for_statements_to_end() {
    let server = ServerOptions::new().env("LOG_CENTER_SHUTDOWN_SECONDS", 1).start().await;
    let stream = start_endless(&server, "1").await;
    let (code, _) = server.stop().await;
    assert_eq!(code, Some(0));
    drop(stream);
}
