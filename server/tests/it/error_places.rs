//! The place of an error, from a record to its issue, by the stacks with which `wire` tests its reader.

use crate::harness::{Server, answer};
use reqwest::StatusCode;
use serde_json::{Value, json};

#[tokio::test]
async fn issues_have_the_place_that_the_stack_of_a_record_tells() {
    let server = Server::start().await;
    let mut records = Vec::new();
    let mut expected = Vec::new();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../wire/tests/stacks");
    for entry in std::fs::read_dir(folder).unwrap() {
        let cases: Vec<Value> =
            serde_json::from_slice(&std::fs::read(entry.unwrap().path()).unwrap()).unwrap();
        for case in cases {
            let lines: Vec<&str> =
                case["stack"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
            let project = format!("p{:03}", records.len());
            let err = json!({"name": "E", "message": case["message"].as_str().unwrap_or("m"), "stack": lines.join("\n")});
            records.push(json!({"name": project, "level": 50, "time": "2026-11-20T10:30:00Z", "msg": "failed", "err": err}));
            let place = (case["file"].as_str().unwrap_or("unknown"), case["line"].as_u64().unwrap_or(0));
            expected.push(json!([project, place.0, place.1]));
        }
    }
    let body = Value::Array(records);
    let kept = answer(server.post("/api/v1/events").json(&body).send().await.unwrap(), StatusCode::OK).await;
    assert_eq!(kept["accepted"], expected.len());
    server.sql_becomes("SELECT count() FROM issues", &expected.len().to_string()).await;
    let places =
        "SELECT project, file_path, line_number FROM issues ORDER BY project FORMAT JSONCompactEachRow";
    let places: Vec<Value> =
        server.sql(places).await.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(places, expected);
}
