//! A client that goes away takes its statement along.

use std::io::Write as _;

use crate::process::{Engine, plain_client, running};

async fn ends_with_its_client(sql: &str) {
    ends_with_the_client_of("query_id=abandoned", sql).await;
}

async fn ends_with_the_client_of(parameters: &str, sql: &str) {
    let engine = Engine::start();
    engine.ask("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a").await;
    let mut connection = engine.connect();
    let head = format!(
        "POST /?{parameters} HTTP/1.1\r\nHost: localhost\r\nX-ClickHouse-Key: the-password-of-the-tests\r\nContent-Length: {}\r\n\r\n{sql}",
        sql.len()
    );
    connection.write_all(head.as_bytes()).expect("request");
    engine.until(&running("abandoned"), "1").await;
    drop(connection);
    engine.until(&running("abandoned"), "0").await;
}

#[tokio::test]
async fn a_long_aggregation() {
    ends_with_its_client("SELECT uniqExact(number * 7) FROM numbers(100000000000)").await;
}

#[tokio::test]
async fn a_sleep() {
    ends_with_its_client(
        "SELECT sleepEachRow(3) FROM numbers(1000) \
         SETTINGS function_sleep_max_microseconds_per_block = 4000000000, max_block_size = 1",
    )
    .await;
}

/// The statement stayed, with what it held, until the next one came in its session.
#[tokio::test]
async fn a_sleep_in_a_session() {
    ends_with_the_client_of(
        "query_id=abandoned&session_id=a",
        "SELECT sleepEachRow(1) FROM numbers(600) SETTINGS max_block_size = 1",
    )
    .await;
}

#[tokio::test]
async fn an_insert_from_a_select() {
    ends_with_its_client("INSERT INTO t SELECT number FROM numbers(1000000000000)").await;
}

#[tokio::test]
async fn a_stream_that_nobody_reads() {
    ends_with_its_client("SELECT number FROM numbers(1000000000000)").await;
}

#[tokio::test]
async fn too_many_statements_are_refused() {
    let engine = Engine::start_with(&["--max-statements", "2", "--max-queued-statements", "1"]);
    let sleep = "SELECT sleepEachRow(3) FROM numbers(1000) \
                 SETTINGS function_sleep_max_microseconds_per_block = 4000000000, max_block_size = 1";
    let mut connections = Vec::new();
    for id in ["one", "two", "waiting"] {
        let mut connection = engine.connect();
        let head = format!(
            "POST /?query_id={id} HTTP/1.1\r\nHost: localhost\r\nX-ClickHouse-Key: the-password-of-the-tests\r\nContent-Length: {}\r\n\r\n{sleep}",
            sleep.len()
        );
        connection.write_all(head.as_bytes()).expect("request");
        connections.push(connection);
    }
    // Until the three have arrived, further ones may still find a place.
    let started = std::time::Instant::now();
    loop {
        let probe = plain_client()
            .post(engine.url())
            .timeout(std::time::Duration::from_millis(300))
            .body("SELECT 1")
            .send()
            .await;
        if let Ok(answer) = probe
            && answer.status() == 500
        {
            assert_eq!(answer.headers()["x-clickhouse-exception-code"], "202");
            break;
        }
        assert!(started.elapsed() < crate::process::PATIENCE, "never refused");
    }
    drop(connections);
    let started = std::time::Instant::now();
    while engine.post("", "SELECT 1").await != (200, "1\n".to_owned()) {
        assert!(started.elapsed() < crate::process::PATIENCE, "never free again");
    }
}
