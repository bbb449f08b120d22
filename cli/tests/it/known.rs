//! What `log-center import` says of records that the server had before.

use super::{command, has_lines_once, lines, lines_from, run, write};
use crate::harness::{Server, answer};
use reqwest::StatusCode;
use serde_json::json;
use tempfile::TempDir;

#[tokio::test]
async fn an_import_tells_what_is_new_from_what_was_there() {
    let server = Server::start().await;
    let state = TempDir::new().unwrap();
    let file = write(&state, "app.log", lines(12_000));
    let import = async |state: &TempDir, arguments: &[&str]| {
        run(command(&server.api, state, &[&["import"], arguments].concat()), "").await
    };
    let ran = import(&state, &[&file]).await;
    ran.ended(0, &["app.log: 12,000 records imported in "]);
    // Once more from the beginning.
    let ran = import(&state, &["--restart", &file]).await;
    ran.ended(0, &["app.log: 0 records imported, 12,000 were there already in "]);
    // By somebody else, who has a copy of another name and of other compression.
    let other = TempDir::new().unwrap();
    let copy = write(&other, "copy.zst", zstd::encode_all(lines(12_000).as_bytes(), 1).unwrap());
    import(&other, &["--compression", "gzip", &copy])
        .await
        .ended(0, &["0 records imported, 12,000 were there already"]);
    // It has grown: the last batch is another one, in which only errors are known by themselves.
    std::fs::write(&file, lines(12_000) + &lines_from(12_001, 500)).unwrap();
    import(&state, &[&file]).await.ended(0, &["going on behind line 12000", "500 records imported in "]);
    // Two files, of which one is known, and a bad line.
    let third = write(&other, "third.log", lines_from(12_501, 10) + "nonsense\n");
    let ran = import(&other, &["--restart", &copy, &third]).await;
    ran.ended(
        3,
        &[
            "third.log: 10 records imported, 1 line refused",
            "log-center: 10 records imported, 12,000 were there already, 1 line refused",
        ],
    );
    has_lines_once(&server, 12_510).await;
}

#[tokio::test]
async fn errors_are_known_in_whatever_batch_they_come() {
    let server = Server::start().await;
    let state = TempDir::new().unwrap();
    // Lines 100 to 500 are errors, and each is known by its text.
    let errors: Vec<_> = (1..=5).map(|number| lines_from(number * 100, 1)).collect();
    let sent = run(command(&server.api, &state, &["import"]), errors[..2].concat()).await;
    sent.ended(0, &["standard input: 2 records imported in "]);
    let sent = run(command(&server.api, &state, &["import"]), errors.concat()).await;
    sent.ended(0, &["standard input: 3 records imported, 2 were there already"]);
    let sent = run(command(&server.api, &state, &["import"]), errors[4].clone()).await;
    sent.ended(0, &["standard input: 0 records imported, 1 was there already"]);
    server.sql_becomes("SELECT count() FROM events", "5").await;
}

#[tokio::test]
async fn the_server_counts_what_it_had_before() {
    let server = Server::start().await;
    for (key, first, count, known) in
        [("a", 1, 10, 0), ("a", 1, 10, 10), ("b", 91, 10, 0), ("c", 91, 20, 1), ("b", 91, 10, 10)]
    {
        let request = server.post("/api/v1/events").header("Idempotency-Key", key);
        let response = request.body(lines_from(first, count)).send().await.unwrap();
        assert_eq!(response.headers()["log-center-known"], known.to_string().as_str(), "{key}");
        // The body is the first one's, whatever was known.
        assert_eq!(answer(response, StatusCode::OK).await, json!({"accepted": count, "rejected": []}));
    }
}
