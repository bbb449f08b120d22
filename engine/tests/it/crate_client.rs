//! The official `clickhouse` crate, unchanged.

use clickhouse::{Compression, Row};
use serde::{Deserialize, Serialize};

use crate::process::Engine;

#[derive(Debug, Clone, PartialEq, Row, Serialize, Deserialize)]
struct Event {
    id: u64,
    name: String,
    tags: Vec<String>,
}

fn events(count: u64) -> Vec<Event> {
    (0..count)
        .map(|id| Event { id, name: format!("event {id} ☃"), tags: vec!["a".to_owned(), id.to_string()] })
        .collect()
}

async fn insert_and_read(compression: Compression) {
    let engine = Engine::start();
    let client = engine.client().with_compression(compression);
    let create =
        "CREATE TABLE events (id UInt64, name String, tags Array(String)) ENGINE = MergeTree ORDER BY id";
    client.query(create).execute().await.expect("create");

    let sent = events(50_000);
    let mut insert = client.insert::<Event>("events").await.expect("insert");
    for event in &sent {
        insert.write(event).await.expect("write");
    }
    insert.end().await.expect("end");

    let mut rows = client.query("SELECT ?fields FROM events ORDER BY id").fetch::<Event>().expect("fetch");
    let mut received = Vec::new();
    while let Some(event) = rows.next().await.expect("row") {
        received.push(event);
    }
    assert!(received == sent, "{} of {} rows came back, or other ones", received.len(), sent.len());
}

#[tokio::test]
async fn inserts_and_reads_uncompressed() {
    insert_and_read(Compression::None).await;
}

#[tokio::test]
async fn inserts_and_reads_with_lz4() {
    insert_and_read(Compression::Lz4).await;
}

#[tokio::test]
async fn streams_ten_million_rows() {
    let engine = Engine::start();
    let client = engine.client();
    let mut rows = client.query("SELECT number FROM numbers(10000000)").fetch::<u64>().expect("fetch");
    let (mut count, mut sum) = (0_u64, 0_u64);
    while let Some(number) = rows.next().await.expect("row") {
        count += 1;
        sum += number;
    }
    assert_eq!((count, sum), (10_000_000, 10_000_000 * 9_999_999 / 2));
}

#[tokio::test]
async fn binds_on_both_sides() {
    let engine = Engine::start();
    let client = engine.client();
    let awkward = "it's \\ \n\t \"☃\" {x:String} ?";
    let bound: String =
        client.query("SELECT ?").bind(awkward).fetch_one().await.expect("client-side binding");
    assert_eq!(bound, awkward);
    let (text, number): (String, i64) = client
        .query("SELECT {text: String}, {number: Int64}")
        .param("text", awkward)
        .param("number", -7)
        .fetch_one()
        .await
        .expect("server-side binding");
    assert_eq!((text.as_str(), number), (awkward, -7));
    let long = "x".repeat(900_000);
    let length: u64 =
        client.query("SELECT length({long: String})").param("long", &long).fetch_one().await.expect("long");
    assert_eq!(length, 900_000);
}

#[tokio::test]
async fn tells_errors_by_their_code() {
    let engine = Engine::start();
    let client = engine.client();
    #[track_caller]
    fn check(result: Result<(), clickhouse::error::Error>, expected: &str) {
        let error = result.expect_err("an error").to_string();
        assert!(error.contains(expected), "{error} lacks {expected}");
    }
    check(client.query("SELECT * FROM missing").execute().await, "Code: 60.");
    check(client.query("SELEC 1").execute().await, "SYNTAX_ERROR");
    check(client.query("SELECT 1").with_setting("no_such_setting", "1").execute().await, "Code: 115.");
    check(client.with_user("somebody").query("SELECT 1").execute().await, "Code: 516.");
}

#[tokio::test]
async fn an_error_in_the_middle_of_an_answer_is_seen() {
    let engine = Engine::start();
    for compression in [Compression::None, Compression::Lz4] {
        let client = engine.client().with_compression(compression);
        let mut rows = client
            .query("SELECT number + throwIf(number = 2500000) FROM numbers(3000000)")
            .fetch::<u64>()
            .expect("fetch");
        let mut count = 0;
        let error = loop {
            match rows.next().await {
                Ok(Some(_)) => count += 1,
                Ok(None) => panic!("a cut answer was taken for whole, after {count} rows"),
                Err(error) => break error,
            }
        };
        assert!(count > 0, "the error came before the first row");
        assert!(error.to_string().contains("Code: 395."), "{error}");
    }
}
