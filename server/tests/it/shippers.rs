//! What Vector and Fluent Bit post, beside what the layer sends.

use crate::harness::{Server, answer};
use async_compression::tokio::write::{GzipEncoder, ZstdEncoder};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

const PATH: &str = "/api/v1/events";

const REQUEST: &str = "0199a1b2-0000-7000-8000-00000000abcd";

/// As node-bunyan writes it, with keys of the service's own.
fn of_node(msg: &str, number: u32) -> Value {
    json!({"name": "web", "hostname": "h2", "pid": 42, "level": 30, "msg": msg, "time": "2026-11-20T10:30:00.123Z",
        "v": 0, "req_id": REQUEST, "component": "cart", "number": number})
}

fn with(mut record: Value, more: &Value) -> Value {
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    record
}

fn lines(records: &[Value]) -> String {
    records.iter().map(|record| format!("{record}\n")).collect()
}

async fn post(server: &Server, content_type: &str, encoding: Option<&str>, body: String) -> Value {
    let mut request = server.post(PATH).header("content-type", content_type);
    if let Some(encoding) = encoding {
        request = request.header("content-encoding", encoding);
    }
    let body = match encoding {
        Some("gzip") => {
            let mut encoder = GzipEncoder::new(Vec::new());
            encoder.write_all(body.as_bytes()).await.unwrap();
            encoder.shutdown().await.unwrap();
            encoder.into_inner()
        }
        Some("zstd") => {
            let mut encoder = ZstdEncoder::new(Vec::new());
            encoder.write_all(body.as_bytes()).await.unwrap();
            encoder.shutdown().await.unwrap();
            encoder.into_inner()
        }
        _ => body.into_bytes(),
    };
    answer(request.body(body).send().await.unwrap(), StatusCode::OK).await
}

#[tokio::test]
async fn records_from_shippers_lie_beside_those_of_the_layer() {
    let server = Server::start().await;
    let rust = json!({"v": 1, "level": 30, "name": "shop", "hostname": "h1", "pid": 7, "time": "2026-11-20T10:30:00.100Z",
        "msg": "order placed", "scope": "visit", "event": "trace", "req_id": REQUEST, "span_id": "aaaaaaaaaaaaaaaa"});
    post(&server, "application/x-ndjson", Some("gzip"), lines(&[rust])).await;

    // deploy/vector: the service's lines, and not even a line feed behind the last one.
    let raw = lines(&[of_node("raw", 1), of_node("raw", 2)]);
    let kept = post(&server, "text/plain", Some("zstd"), raw.trim_end().to_owned()).await;
    assert_eq!(kept, json!({"accepted": 2, "rejected": []}));

    // Vector with a configuration of one's own: parsed, with what its sources add.
    let added = json!({"host": "node-7", "source_type": "file", "file": "/var/log/services/web.log",
        "timestamp": "2026-11-20T10:30:01.5Z"});
    let parsed = [with(of_node("parsed", 3), &added), with(of_node("parsed", 4), &added)];
    post(&server, "application/x-ndjson", Some("zstd"), lines(&parsed)).await;
    // Its other framing is an array.
    let array = Value::from(vec![with(of_node("array", 5), &added)]).to_string();
    post(&server, "application/json", Some("gzip"), array).await;

    // deploy/fluent-bit; then with the key that it adds unless it is told not to.
    post(&server, "application/json", Some("gzip"), lines(&[of_node("lines", 6)])).await;
    for (number, date) in
        [(7, json!({"date": 1_795_343_400.123})), (8, json!({"date": "2026-11-20T10:30:00.123456Z"}))]
    {
        post(&server, "application/x-ndjson", None, lines(&[with(of_node("dated", number), &date)])).await;
    }
    // A line that was none of a record, as its parser leaves it.
    let stray = json!({"date": 1_795_343_400.5, "log": "Server listening on port 3000"});
    let kept = post(&server, "application/json", Some("gzip"), lines(&[stray, of_node("lines", 9)])).await;
    assert_eq!((&kept["accepted"], &kept["rejected"][0]["index"]), (&1.into(), &0.into()));

    server.sql_becomes("SELECT count() FROM events", "10").await;
    let found = server.json(&format!("{PATH}?q=req_id:{REQUEST}&since=2000-01-01&limit=50")).await;
    let items = found["items"].as_array().unwrap();
    let of = |name: &str| items.iter().filter(|item| item["name"] == name).collect::<Vec<_>>();
    assert_eq!((of("shop").len(), of("web").len()), (1, 9));
    let mut numbers: Vec<_> =
        of("web").iter().map(|item| item["attributes"]["number"].as_u64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for item in of("web") {
        // The record's own time and host, whatever was added.
        assert_eq!((&item["time"], &item["hostname"]), (&"2026-11-20T10:30:00.123Z".into(), &"h2".into()));
        assert_eq!(item["attributes"]["component"], "cart", "{item}");
    }
    let parsed = of("web").into_iter().find(|item| item["msg"] == "parsed").unwrap();
    assert_eq!(parsed["attributes"]["source_type"], "file");

    // One request, of both.
    let request = server.json(&format!("/api/v1/requests/{REQUEST}")).await;
    assert_eq!(
        (&request["services"], request["events"].as_array().unwrap().len()),
        (&json!(["shop", "web"]), 10)
    );
}

/// An error of a service whose shipper did not hear the answer, and sent its batch again.
#[tokio::test]
async fn a_batch_that_a_shipper_sends_again_makes_no_second_occurrence() {
    let server = Server::start().await;
    let err = json!({"level": 50, "err": {"name": "RangeError", "message": "no rate",
        "stack": "RangeError: no rate\n    at rate (/srv/web/rate.js:12:9)"}});
    let body = lines(&[with(of_node("payment failed", 1), &err)]);
    for _ in 0..3 {
        post(&server, "text/plain", Some("zstd"), body.clone()).await;
    }
    let issue = "SELECT project, type, message, file_path, line_number, count FROM issues";
    server.sql_becomes(issue, "web\tRangeError\tno rate\t/srv/web/rate.js\t12\t1").await;
}
