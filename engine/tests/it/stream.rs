//! Answers and requests that are larger than memory should be.

use futures_util::StreamExt as _;

use crate::process::{Engine, plain_client};

/// More than the engine may grow by. The answer and the insert below are 160 MB and 128 MB.
const MOST_GROWTH_BYTES: u64 = 100 << 20;

#[tokio::test]
async fn a_long_answer_does_not_sit_in_memory() {
    let engine = Engine::start();
    engine.ask("SELECT number, toString(number) FROM numbers(100000) FORMAT Null").await;
    let before = engine.memory_bytes();
    let mut most = before;
    let answer = plain_client()
        .post(engine.url())
        .body("SELECT number, toString(number) FROM numbers(10000000) FORMAT RowBinary")
        .send()
        .await
        .expect("answer");
    assert_eq!(answer.status(), 200);
    let mut body = answer.bytes_stream();
    let (mut received, mut sampled) = (0, 0);
    while let Some(piece) = body.next().await {
        received += piece.expect("piece").len();
        if received - sampled > 4 << 20 {
            sampled = received;
            most = most.max(engine.memory_bytes());
        }
    }
    assert_eq!(received, 158_888_890);
    assert!(most < before + MOST_GROWTH_BYTES, "grew from {before} to {most} bytes");
}

#[tokio::test]
async fn a_long_insert_does_not_sit_in_memory() {
    let engine = Engine::start();
    engine.ask("CREATE TABLE t (a UInt64) ENGINE = Null").await;
    engine.ask("INSERT INTO t SELECT number FROM numbers(1000000)").await;
    let before = engine.memory_bytes();
    let piece = bytes::Bytes::from(vec![7_u8; 1 << 20]);
    let pieces = futures_util::stream::iter((0..128).map(move |_| Ok::<_, std::io::Error>(piece.clone())));
    let (status, answer) =
        engine.post("query=INSERT+INTO+t+FORMAT+RowBinary", reqwest::Body::wrap_stream(pieces)).await;
    assert_eq!(status, 200, "{answer}");
    let after = engine.memory_bytes();
    assert!(after < before + MOST_GROWTH_BYTES, "grew from {before} to {after} bytes");
}

#[tokio::test]
async fn formats_with_an_end_are_whole() {
    let engine = Engine::start();
    let json = engine.ask("SELECT number FROM numbers(300000) FORMAT JSON").await;
    let json: serde_json::Value = serde_json::from_str(&json).expect("valid JSON");
    assert_eq!(json["data"].as_array().map(Vec::len), Some(300_000));
    let answer = plain_client()
        .post(engine.url())
        .body("SELECT number FROM numbers(300000) FORMAT Parquet")
        .send()
        .await
        .expect("answer");
    let parquet = answer.bytes().await.expect("body");
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"), "{} bytes", parquet.len());
}

/// Streamed answers in every format must be byte for byte what one block gives.
#[tokio::test]
async fn formats_are_the_same_streamed_and_whole() {
    let engine = Engine::start();
    let formats = [
        "TSV",
        "TSVRaw",
        "TSVWithNames",
        "TSVWithNamesAndTypes",
        "CSV",
        "CSVWithNames",
        "CSVWithNamesAndTypes",
        "JSONEachRow",
        "JSONCompactEachRow",
        "JSONCompactEachRowWithNames",
        "JSONCompactEachRowWithNamesAndTypes",
        "RowBinary",
        "RowBinaryWithNames",
        "RowBinaryWithNamesAndTypes",
        "BSONEachRow",
        "TSKV",
        "Values",
        "Vertical",
        "Markdown",
        "PrettyCompact",
    ];
    for format in formats {
        let rows = "SELECT number, concat('a\n', toString(number)) AS `b \\n \"\n c` FROM numbers(1000)";
        let get = async |settings: &str| {
            let sql = format!("{rows} SETTINGS {settings} FORMAT {format}");
            let answer = plain_client().post(engine.url()).body(sql).send().await.expect("answer");
            assert_eq!(answer.status(), 200, "{format}");
            answer.bytes().await.expect("body")
        };
        let (whole, blocks) = (get("max_block_size = 100000").await, get("max_block_size = 10").await);
        assert!(whole == blocks, "{format}: {} bytes whole, {} in blocks", whole.len(), blocks.len());
    }
}

#[tokio::test]
async fn an_error_late_in_an_answer_cuts_it() {
    let engine = Engine::start();
    let failing = "SELECT number, throwIf(number = 2500000) FROM numbers(3000000)";
    let answer = plain_client().post(engine.url()).body(failing).send().await.expect("head of the answer");
    assert_eq!(answer.status(), 200);
    let tag = answer.headers()["x-clickhouse-exception-tag"].to_str().expect("tag").to_owned();
    let mut body = answer.bytes_stream();
    let (mut end, mut cut) = (Vec::new(), false);
    while let Some(piece) = body.next().await {
        match piece {
            Ok(piece) => end = [&end[end.len().saturating_sub(2000)..], &piece].concat(),
            Err(_) => cut = true,
        }
    }
    let end = String::from_utf8_lossy(&end);
    assert!(cut, "the body ended as if it were whole");
    assert!(end.contains("Code: 395.") && end.contains(&tag), "{end}");
    // The same, seen in time.
    let (status, text) = engine.post("wait_end_of_query=1", failing).await;
    assert!(status == 500 && text.contains("Code: 395."), "{status} {text}");
}

#[tokio::test]
async fn holding_an_answer_has_a_limit() {
    let engine = Engine::start();
    let (status, text) = engine.post("wait_end_of_query=1", "SELECT number FROM numbers(20000000)").await;
    assert!(
        status == 500 && text.contains("Code: 396."),
        "{status} {}",
        text.chars().take(300).collect::<String>()
    );
    let (status, text) = engine.post("wait_end_of_query=1", "SELECT number FROM numbers(1000000)").await;
    assert_eq!((status, text.lines().count()), (200, 1_000_000));
}
