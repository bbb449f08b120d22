//! What the server's writer relies on.

use clickhouse::{Client, Compression};

use crate::process::Engine;

const SCHEMA: [&str; 3] = [
    "CREATE TABLE t (id UInt64, name String, at DateTime64(3) DEFAULT now64()) ENGINE = MergeTree ORDER BY id \
     SETTINGS non_replicated_deduplication_window = 1000",
    "CREATE TABLE totals (bucket UInt64, events AggregateFunction(count)) ENGINE = AggregatingMergeTree \
     ORDER BY bucket SETTINGS non_replicated_deduplication_window = 1000",
    "CREATE MATERIALIZED VIEW totals_mv TO totals AS SELECT id % 10 AS bucket, countState() AS events FROM t \
     GROUP BY bucket",
];

const COUNTS: &str = "SELECT (SELECT count() FROM t), (SELECT countMerge(events) FROM totals)";

async fn engine_with_tables() -> Engine {
    let engine = Engine::start();
    for statement in SCHEMA {
        engine.ask(statement).await;
    }
    engine
}

fn rows(from: u64, to: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    for id in from..to {
        bytes.extend_from_slice(&id.to_le_bytes());
        bytes.extend_from_slice(b"\x02hi");
    }
    bytes
}

async fn send(client: &Client, token: &str, data: Vec<u8>) -> Result<(), clickhouse::error::Error> {
    let mut insert = client
        .insert_formatted_with("INSERT INTO t (id, name) FORMAT RowBinary")
        .with_setting("async_insert", "0")
        .with_setting("insert_deduplication_token", token)
        .with_setting("deduplicate_blocks_in_dependent_materialized_views", "1")
        .with_setting("max_insert_block_size", "1000000");
    insert.send(data.into()).await?;
    insert.end().await
}

#[tokio::test]
async fn a_repeated_token_changes_neither_table_nor_view() {
    let engine = engine_with_tables().await;
    for compression in [Compression::None, Compression::Lz4] {
        let client = engine.client().with_compression(compression);
        send(&client, "spool-1", rows(0, 20_000)).await.expect("first");
        send(&client, "spool-1", rows(0, 20_000)).await.expect("again");
    }
    assert_eq!(engine.ask(COUNTS).await, "20000\t20000");
    let client = engine.client();
    send(&client, "spool-2", rows(20_000, 20_001)).await.expect("next");
    assert_eq!(engine.ask(COUNTS).await, "20001\t20001");
}

#[tokio::test]
async fn cut_data_inserts_nothing() {
    let engine = engine_with_tables().await;
    let client = engine.client();
    let mut data = rows(0, 1_000);
    data.pop();
    let error = send(&client, "cut", data).await.expect_err("cut row").to_string();
    assert!(error.contains("Code: 33."), "{error}");

    // A client that vanishes in the middle of its body.
    use std::io::Write as _;
    let mut connection = engine.connect();
    let head = "POST /?query=INSERT+INTO+t+(id,name)+FORMAT+RowBinary&query_id=gone HTTP/1.1\r\nHost: localhost\r\nX-ClickHouse-Key: the-password-of-the-tests\r\n\
                Content-Length: 1000000\r\n\r\n";
    connection.write_all(head.as_bytes()).expect("head");
    connection.write_all(&rows(0, 10_000)).expect("some rows");
    engine.until(&crate::process::running("gone"), "1").await;
    drop(connection);
    engine.until(&crate::process::running("gone"), "0").await;
    assert_eq!(engine.ask(COUNTS).await, "0\t0");
}

#[tokio::test]
async fn statement_and_data_may_be_split_anyhow() {
    let engine = Engine::start();
    engine.ask("CREATE TABLE t (a UInt64, format String) ENGINE = MergeTree ORDER BY a").await;
    engine.ask("CREATE TABLE format (values UInt64) ENGINE = MergeTree ORDER BY values").await;
    let encoded = |sql: &str| format!("query={}", sql.replace(' ', "%20").replace(';', "%3B"));
    let cases: [(&str, &str, &str); 13] = [
        ("", "INSERT INTO t FORMAT CSV\n1,\"a\"\n", "t"),
        ("", "INSERT INTO t FORMAT CSV 1,\"a\"", "t"),
        ("", "insert into t values (1, 'a')", "t"),
        ("", "INSERT INTO t (format, a) VALUES ('a', 1);", "t"),
        (
            "",
            "/* FORMAT x */ INSERT INTO default.t -- VALUES\n FORMAT JSONEachRow {\"a\":1,\"format\":\"a\"}",
            "t",
        ),
        ("INSERT INTO t FORMAT CSV", "1,\"a\"", "t"),
        ("INSERT INTO t FORMAT CSV;", "1,\"a\"", "t"),
        ("INSERT INTO t SETTINGS async_insert=0 FORMAT TSV", "1\ta", "t"),
        ("INSERT INTO t", "FORMAT CSV\n1,a", "t"),
        ("INSERT INTO t VALUES", "(1,'a')", "t"),
        ("INSERT INTO t VALUES (1,'a')", "", "t"),
        ("", "INSERT INTO t SELECT 1, 'a'", "t"),
        ("", "INSERT INTO format FORMAT CSV 1", "format"),
    ];
    for (url, body, table) in cases {
        let (status, answer) = engine.post(&encoded(url), body).await;
        assert_eq!(status, 200, "{url:?} {body:?}: {answer}");
        assert_eq!(engine.ask(&format!("SELECT count() FROM `{table}`")).await, "1", "{url:?} {body:?}");
        engine.ask(&format!("TRUNCATE TABLE `{table}`")).await;
    }
}

#[tokio::test]
async fn reads_run_beside_inserts() {
    let engine = engine_with_tables().await;
    let long = "SELECT sleepEachRow(1) FROM numbers(600) SETTINGS max_block_size = 1 FORMAT Null";
    let slow = engine.post("query_id=slow", long);
    let inserts = async {
        engine.until(&crate::process::running("slow"), "1").await;
        let client = engine.client();
        for batch in 0..5 {
            send(&client, &format!("batch-{batch}"), rows(batch * 100, batch * 100 + 100))
                .await
                .expect("insert");
        }
        engine.ask(&crate::process::running("slow")).await
    };
    let still_running = tokio::select! {
        (status, text) = slow => panic!("the read did not go on: {status} {text}"),
        running = inserts => running,
    };
    assert_eq!(still_running, "1");
    assert_eq!(engine.ask(COUNTS).await, "500\t500");
}

#[tokio::test]
async fn a_running_insert_is_found_by_its_query_id() {
    use std::io::Write as _;
    let engine = engine_with_tables().await;
    let mut connection = engine.connect();
    let body = rows(0, 10_000);
    let (first, rest) = body.split_at(90_000);
    let head = format!(
        "POST /?query=INSERT+INTO+t+(id,name)+FORMAT+RowBinary&query_id=batch-7 HTTP/1.1\r\nHost: localhost\r\nX-ClickHouse-Key: the-password-of-the-tests\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    connection.write_all(head.as_bytes()).expect("head");
    connection.write_all(first).expect("enough rows for a turn");
    engine.until(&crate::process::running("batch-7"), "1").await;
    let (status, answer) = engine.post("query_id=batch-7", "SELECT 1").await;
    assert!(status == 500 && answer.contains("Code: 216."), "{status} {answer}");
    connection.write_all(rest).expect("rows");
    engine.until(&crate::process::running("batch-7"), "0").await;
    assert_eq!(engine.ask(COUNTS).await, "10000\t10000");
}
