//! Compression on the wire, by encoders that are not the engine's.

use std::io::{Read as _, Write as _};

use crate::process::{Engine, PASSWORD, plain_client};

const ROWS: u64 = 200_000;

fn packed(encoding: &str, data: &[u8]) -> Vec<u8> {
    match encoding {
        "gzip" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(data).expect("pack");
            encoder.finish().expect("pack")
        }
        "deflate" => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(data).expect("pack");
            encoder.finish().expect("pack")
        }
        "br" => {
            let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 1, 20);
            encoder.write_all(data).expect("pack");
            encoder.into_inner()
        }
        "zstd" => zstd::encode_all(data, 1).expect("pack"),
        "lz4" => {
            let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
            encoder.write_all(data).expect("pack");
            encoder.finish().expect("pack")
        }
        other => panic!("{other}"),
    }
}

fn unpacked(encoding: &str, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match encoding {
        "gzip" => flate2::read::GzDecoder::new(data).read_to_end(&mut out),
        "deflate" => flate2::read::ZlibDecoder::new(data).read_to_end(&mut out),
        "br" => brotli::Decompressor::new(data, 4096).read_to_end(&mut out),
        "zstd" => return zstd::decode_all(data).expect("unpack"),
        "lz4" => lz4_flex::frame::FrameDecoder::new(data).read_to_end(&mut out),
        other => panic!("{other}"),
    }
    .expect("unpack");
    out
}

fn numbers() -> Vec<u8> {
    (0..ROWS).flat_map(u64::to_le_bytes).collect()
}

#[tokio::test]
async fn every_encoding_both_ways() {
    let engine = Engine::start();
    engine.ask("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a").await;
    let client = plain_client();
    for encoding in ["gzip", "deflate", "br", "zstd", "lz4"] {
        let answer = client
            .post(format!("{}?query=INSERT+INTO+t+FORMAT+RowBinary", engine.url()))
            .header("Content-Encoding", encoding)
            .body(packed(encoding, &numbers()))
            .send()
            .await
            .expect("answer");
        assert_eq!(answer.status(), 200, "{encoding}: {}", answer.text().await.expect("text"));
        let answer = client
            .post(engine.url())
            .header("Accept-Encoding", encoding)
            .body("SELECT a FROM t ORDER BY a FORMAT RowBinary")
            .send()
            .await
            .expect("answer");
        assert_eq!(answer.headers()["content-encoding"], encoding);
        let body = answer.bytes().await.expect("body");
        assert!(unpacked(encoding, &body) == numbers(), "{encoding}");
        engine.ask("TRUNCATE TABLE t").await;
    }
}

#[tokio::test]
async fn errors_are_packed_like_answers() {
    let engine = Engine::start();
    let answer = plain_client()
        .post(engine.url())
        .header("Accept-Encoding", "br;q=0, gzip")
        .body("SELECT nothing")
        .send()
        .await
        .expect("answer");
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-encoding"]),
        (404, &"gzip".parse().expect("value"))
    );
    let text = String::from_utf8(unpacked("gzip", &answer.bytes().await.expect("body"))).expect("text");
    assert!(text.contains("Code: 47."), "{text}");
}

/// ClickHouse's framing: an answer to `compress=1` sent back with `decompress=1`.
#[tokio::test]
async fn blocks_come_back_as_they_went() {
    let engine = Engine::start();
    engine.ask("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a").await;
    let client = plain_client();
    let blocks = client
        .post(format!("{}?compress=1", engine.url()))
        .body(format!("SELECT number FROM numbers({ROWS}) FORMAT RowBinary"))
        .send()
        .await
        .expect("answer")
        .bytes()
        .await
        .expect("body");
    assert_eq!(blocks.get(16), Some(&0x82), "no LZ4 block");
    assert!(blocks.len() < numbers().len(), "{} bytes are not compressed", blocks.len());
    let insert = "query=INSERT+INTO+t+FORMAT+RowBinary&decompress=1";
    let (status, text) = engine.post(insert, blocks.to_vec()).await;
    assert_eq!(status, 200, "{text}");
    assert_eq!(engine.ask("SELECT count(), sum(a) FROM t").await, "200000\t19999900000");

    let mut corrupt = blocks.to_vec();
    corrupt[40] ^= 1;
    let (status, text) = engine.post(insert, corrupt).await;
    assert!(status == 500 && text.contains("Code: 40."), "{status} {text}");
    let (status, text) = engine.post(insert, blocks[..blocks.len() - 5].to_vec()).await;
    assert!(status >= 400 && text.contains("Code: 271."), "{status} {text}");
    let (status, text) = engine.post(insert, numbers()).await;
    assert!(status >= 400 && text.contains("Code: 39."), "{status} {text}");
    assert_eq!(engine.ask("SELECT count() FROM t").await, "200000");
}

/// Bodies that announce much and hold nothing, many at the same time.
#[tokio::test]
async fn memory_follows_what_came() {
    const ANNOUNCED: u32 = 64 << 20;
    const BEGINS: u32 = 64 << 10;
    const AT_ONCE: usize = 24;
    const MOST_GROWTH_BYTES: u64 = 300 << 20;
    let engine = Engine::start();
    engine.ask("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a").await;
    // As much as lets an insert begin, and then 8 of 67,108,855 packed bytes that it says will come.
    let whole = [&[0x02][..], &(BEGINS + 9).to_le_bytes(), &BEGINS.to_le_bytes()].concat();
    let whole = [&whole[..], &vec![0; BEGINS as usize]].concat();
    let whole = [&cityhash_rs::cityhash_102_128(&whole).rotate_left(64).to_le_bytes()[..], &whole].concat();
    let half = [&[0; 16][..], &[0x82], &ANNOUNCED.to_le_bytes(), &100_u32.to_le_bytes(), &[0; 8]].concat();
    let before = engine.memory_bytes();
    let head = format!(
        "POST /?query=INSERT+INTO+t+FORMAT+RowBinary&decompress=1 HTTP/1.1\r\nHost: localhost\r\n\
         X-ClickHouse-Key: {PASSWORD}\r\nContent-Length: {ANNOUNCED}\r\n\r\n"
    );
    let waiting: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let mut connection = engine.connect();
            connection.write_all(&[head.as_bytes(), &whole, &half].concat()).expect("head");
            connection
        })
        .collect();
    let inserts = "SELECT count() FROM system.processes WHERE query LIKE 'INSERT INTO t%'";
    engine.until(inserts, &AT_ONCE.to_string()).await;
    let grown = engine.memory_bytes().saturating_sub(before);
    assert!(grown < MOST_GROWTH_BYTES, "{} MiB", grown >> 20);
    drop(waiting);
    engine.until(inserts, "0").await;

    // A block that says that its two bytes are 64 MiB, from whoever writes and from strangers; and one column of 30 million rows.
    let empty = [&[0x82][..], &11_u32.to_le_bytes(), &ANNOUNCED.to_le_bytes(), &[0x10, 0]].concat();
    let empty = [&cityhash_rs::cityhash_102_128(&empty).rotate_left(64).to_le_bytes()[..], &empty].concat();
    let native = [&[1, 0x80, 0x87, 0xa7, 0x0e, 1, b'a', 6][..], b"UInt64", &[0; 8]].concat();
    for (query, body) in [
        ("query=INSERT+INTO+t+FORMAT+RowBinary&decompress=1", &empty),
        ("user=reader&decompress=1", &empty),
        ("user=reader&decompress=1", &half),
        ("query=INSERT+INTO+t+FORMAT+Native", &native),
    ] {
        let answers = (0..AT_ONCE).map(|_| engine.post(query, body.clone()));
        for (status, text) in futures_util::future::join_all(answers).await {
            assert!(status >= 400, "{query}: {status} {text}");
        }
        let grown = engine.memory_bytes().saturating_sub(before);
        assert!(grown < MOST_GROWTH_BYTES, "{query}: {} MiB", grown >> 20);
    }
    assert_eq!(engine.ask("SELECT count() FROM t").await, "0");
}
