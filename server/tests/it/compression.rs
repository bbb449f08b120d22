//! Answers are compressed for whoever asks for it.

use crate::harness::{Server, a_report};
use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, ZstdDecoder};
use reqwest::{Client, Response};
use serde_json::json;
use tokio::io::AsyncReadExt;

/// A client that shows what was sent.
fn plain() -> Client {
    Client::builder().no_gzip().build().unwrap()
}

async fn decoded(response: Response) -> (Option<String>, Vec<u8>) {
    let encoding = response.headers().get("content-encoding").map(|value| value.to_str().unwrap().to_owned());
    let sent = response.bytes().await.unwrap();
    let (reader, mut bytes) = (&sent[..], Vec::new());
    match encoding.as_deref() {
        None => bytes.extend_from_slice(reader),
        Some("gzip") => _ = GzipDecoder::new(reader).read_to_end(&mut bytes).await.unwrap(),
        Some("br") => _ = BrotliDecoder::new(reader).read_to_end(&mut bytes).await.unwrap(),
        Some("zstd") => _ = ZstdDecoder::new(reader).read_to_end(&mut bytes).await.unwrap(),
        Some(other) => panic!("{other}"),
    }
    if encoding.is_some() {
        assert!(sent.len() < bytes.len(), "{encoding:?}: {} of {}", sent.len(), bytes.len());
    }
    (encoding, bytes)
}

#[tokio::test]
async fn every_answer_is_compressed_on_request() {
    let server = Server::start().await;
    for line in 1..=40 {
        server.report(&a_report(line)).await;
    }
    server.sql_becomes("SELECT count() FROM issues", "40").await;
    let client = plain();
    for url in [
        format!("{}/api/openapi.json", server.api),
        format!("{}/docs/swagger-ui.css", server.api),
        format!("{}/api/v1/issues", server.api),
        format!("{}/api/v1/events", server.api),
        format!("{}/metrics", server.api),
        format!("{}/", server.dashboard),
    ] {
        let (encoding, whole) = decoded(client.get(&url).send().await.unwrap()).await;
        assert_eq!(encoding, None, "{url}");
        for (accepted, expected) in
            [("gzip", "gzip"), ("br", "br"), ("zstd", "zstd"), ("deflate, gzip;q=0.5", "gzip")]
        {
            let response = client.get(&url).header("accept-encoding", accepted).send().await.unwrap();
            assert_eq!(response.status(), 200, "{url}");
            assert!(response.headers()["vary"].to_str().unwrap().contains("accept-encoding"), "{url}");
            let (encoding, bytes) = decoded(response).await;
            assert_eq!(encoding.as_deref(), Some(expected), "{url} {accepted}");
            // Figures move on.
            assert!(bytes == whole || url.ends_with("/metrics"), "{url} {accepted}");
        }
    }
    // Statements, piece by piece; and what was refused of a batch.
    for format in ["json", "csv", "arrow"] {
        let ask =
            json!({"query": "SELECT number, 'the same text' AS s FROM numbers(10000)", "format": format});
        let request = client.post(format!("{}/api/v1/sql", server.api)).json(&ask);
        let (encoding, bytes) =
            decoded(request.header("accept-encoding", "zstd").send().await.unwrap()).await;
        assert_eq!(encoding.as_deref(), Some("zstd"), "{format}");
        // Arrow packs its columns itself.
        assert!(bytes.len() > 10_000, "{format}");
    }
    let bad = "{}\n".repeat(100);
    let request =
        client.post(format!("{}/api/v1/events", server.api)).body(bad).header("accept-encoding", "gzip");
    let (encoding, bytes) = decoded(request.send().await.unwrap()).await;
    assert_eq!(encoding.as_deref(), Some("gzip"));
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&bytes).unwrap()["rejected"].as_array().unwrap().len(),
        100
    );
}

#[tokio::test]
async fn small_answers_and_events_that_are_followed_are_not() {
    let server = Server::start().await;
    let client = plain();
    for path in ["/health/live", "/api/v1/issues", "/api/v1/nothing", "/api/v1/events/tail"] {
        let request = client.get(format!("{}{path}", server.api)).header("accept-encoding", "gzip, br, zstd");
        let response = request.send().await.unwrap();
        assert!(!response.headers().contains_key("content-encoding"), "{path}");
    }
    let report = client.post(format!("{}/api/v1/logs/report", server.api)).json(&a_report(1));
    let response = report.header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers().get("content-encoding")), (200, None));
}

/// Who accepts nothing that the server knows gets the answer as it is: what was sent is stored, and an error would say that it is not.
#[tokio::test]
async fn nothing_is_refused_for_its_accept_encoding() {
    let server = Server::start().await;
    let client = plain();
    for accepted in
        ["identity;q=0", "*;q=0", "deflate", "compress, identity;q=0", "gzip;q=0", "", ";;,", "gzip;q=x"]
    {
        let report = client.post(format!("{}/api/v1/logs/report", server.api)).json(&a_report(1));
        let response = report.header("accept-encoding", accepted).send().await.unwrap();
        assert_eq!(response.status(), 200, "{accepted}");
        let document =
            client.get(format!("{}/api/openapi.json", server.api)).header("accept-encoding", accepted);
        let (encoding, bytes) = decoded(document.send().await.unwrap()).await;
        assert!(encoding.is_none() && bytes.starts_with(b"{"), "{accepted}: {encoding:?}");
    }
}

/// The last words of an answer that is cut off come through.
#[tokio::test]
async fn an_answer_that_is_cut_off_says_why_also_when_compressed() {
    let server = Server::start().await;
    let client = plain();
    let ask = json!({"query": "SELECT number, throwIf(number = 800000) AS t FROM numbers(900000)", "format": "csv",
        "max_rows": 1_000_000});
    let request =
        client.post(format!("{}/api/v1/sql", server.api)).json(&ask).header("accept-encoding", "gzip");
    let mut response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-encoding"], "gzip");
    let mut sent = Vec::new();
    let error = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => sent.extend_from_slice(&chunk),
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    assert!(error.is_some(), "the answer looks whole");
    let mut bytes = Vec::new();
    assert!(GzipDecoder::new(&sent[..]).read_to_end(&mut bytes).await.is_err());
    let last = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(400)..]).into_owned();
    assert!(last.contains("\"code\":\"bad_statement\""), "{last}");
}
