//! A search that needs more memory than it may have is told so, and is no outage.

use crate::harness::{Server, answer};
use reqwest::StatusCode;

/// Texts that are far larger than those of a program, put there past every limit of the API: a page of them takes more
/// than a read may have.
async fn fill(server: &Server) {
    for number in 0..12 {
        let insert = format!(
            "INSERT INTO event_store (batch, received_at, time, project, level, retention_days, err_msg) \
             SELECT {number}, now64(3), now64(3), 'large', 50, 400, repeat(repeat('x', 100000), 100) FROM numbers(5)"
        );
        server.sql(&insert).await;
    }
}

#[tokio::test]
async fn too_much_memory_is_a_limit_and_no_outage() {
    let server = Server::start().await;
    fill(&server).await;
    let response = server.get("/api/v1/events?limit=100&q=service:large").send().await.unwrap();
    assert!(!response.headers().contains_key("Retry-After"), "the same again would fail again");
    let error = answer(response, StatusCode::UNPROCESSABLE_ENTITY).await["error"].clone();
    assert_eq!((&error["code"], &error["field"]), (&"memory_limit".into(), &"since".into()), "{error}");
    let message = error["message"].as_str().unwrap();
    for way_out in ["shorter time", "limit", "one service"] {
        assert!(message.contains(way_out), "{message}");
    }
    // What is narrower is answered.
    let page = server.json("/api/v1/events?limit=1&q=service:nobody").await;
    assert_eq!(page["items"].as_array().unwrap().len(), 0);
    assert_eq!(server.get("/health/ready").send().await.unwrap().status(), StatusCode::OK);
}
