//! `session_id`.

use crate::process::{Engine, plain_client, running, stranger};

#[tokio::test]
async fn keeps_settings_and_temporary_tables() {
    let engine = Engine::start();
    let post = async |query: &'static str, sql: &'static str| engine.post(query, sql).await;
    assert_eq!(post("session_id=a", "CREATE TEMPORARY TABLE t (x UInt8)").await.0, 200);
    assert_eq!(post("session_id=a", "INSERT INTO t VALUES (7)").await.0, 200);
    assert_eq!(post("session_id=a", "SET max_block_size = 77").await.0, 200);
    assert_eq!(post("session_id=a", "SELECT x FROM t").await, (200, "7\n".to_owned()));
    assert_eq!(post("session_id=a", "SELECT getSetting('max_block_size')").await, (200, "77\n".to_owned()));
    assert_eq!(post("session_id=b", "SELECT x FROM t").await.0, 404);
    assert_eq!(post("", "SELECT x FROM t").await.0, 404);
    assert_ne!(post("", "SELECT getSetting('max_block_size')").await.1, "77\n");
}

#[tokio::test]
async fn is_for_one_statement_at_a_time() {
    let engine = Engine::start();
    let slow = engine.post(
        "session_id=a&query_id=slow",
        "SELECT sleepEachRow(1) FROM numbers(600) SETTINGS max_block_size = 1",
    );
    let second = async {
        engine.until(&running("slow"), "1").await;
        let refused = engine.post("session_id=a", "SELECT 1").await;
        engine.post("", "KILL QUERY WHERE query_id = 'slow'").await;
        refused
    };
    let (_, (status, text)) = tokio::join!(slow, second);
    assert!(status == 500 && text.contains("Code: 373."), "{status} {text}");
}

#[tokio::test]
async fn must_exist_if_checked() {
    let engine = Engine::start();
    let (_, text) = engine.post("session_id=a&session_check=1", "SELECT 1").await;
    assert!(text.contains("Code: 372."), "{text}");
    assert_eq!(engine.post("session_id=a&session_timeout=60", "SELECT 1").await.0, 200);
    assert_eq!(engine.post("session_id=a&session_check=1", "SELECT 1").await.0, 200);
    let (_, text) = engine.post("session_id=a&session_timeout=4000", "SELECT 1").await;
    assert!(text.contains("Code: 36."), "{text}");
}

/// An answer came before its statement had left its session and query id.
#[tokio::test]
async fn is_free_once_the_answer_is_there() {
    let engine = Engine::start();
    let client = plain_client();
    for sql in [
        "SELECT 1",
        "SELECT number FROM numbers(100000)",
        "SELECT nothing",
        "CREATE TEMPORARY TABLE t (a UInt8)",
    ] {
        for _ in 0..50 {
            let url = format!("{}?session_id=a&query_id=same", engine.url());
            let answer = client.post(url).body(sql).send().await.expect("answer");
            let text = answer.text().await.expect("whole answer");
            assert!(!text.contains("Code: 373.") && !text.contains("Code: 216."), "{sql}: {text}");
        }
    }
}

#[tokio::test]
async fn the_oldest_gives_way() {
    let engine = Engine::start();
    assert_eq!(engine.post("session_id=first", "CREATE TEMPORARY TABLE t (x UInt8)").await.0, 200);
    for number in 0..100 {
        let query = format!("session_id=s{number}&session_timeout=3600");
        assert_eq!(engine.post(&query, "SELECT 1").await, (200, "1\n".to_owned()));
        // Those of strangers are others, and do not count.
        let url = format!("{}?{query}", engine.url());
        assert_eq!(stranger().post(url).body("SELECT 1").send().await.expect("answer").status(), 200);
    }
    let (_, text) = engine.post("session_id=first&session_check=1", "SELECT 1").await;
    assert!(text.contains("Code: 372."), "{text}");
    assert_eq!(engine.post("session_id=s99&session_check=1", "SELECT 1").await.0, 200);
}

#[tokio::test]
async fn close_session_closes_it() {
    let engine = Engine::start();
    for client in [plain_client(), stranger()] {
        let ask = async |query: &str| {
            let url = format!("{}?session_id=a&{query}", engine.url());
            client.post(url).body("SELECT 1").send().await.expect("answer").text().await.expect("text")
        };
        assert_eq!(ask("").await, "1\n");
        assert_eq!(ask("session_check=1").await, "1\n");
        assert_eq!(ask("close_session=1").await, "1\n");
        assert!(ask("session_check=1").await.contains("Code: 372."));
    }
}

#[tokio::test]
async fn of_a_stranger_is_locked_too() {
    let engine = Engine::start();
    let url =
        |id: &str| format!("{}?session_id=a&max_threads=1&max_execution_time=2&query_id={id}", engine.url());
    let slow = stranger()
        .post(url("slow"))
        .body("SELECT count() FROM numbers(1000000000000) WHERE sin(number) > 2")
        .send();
    let second = async {
        engine.until(&running("slow"), "1").await;
        stranger()
            .post(url("second"))
            .body("SELECT 1")
            .send()
            .await
            .expect("answer")
            .text()
            .await
            .expect("text")
    };
    let (first, second) = tokio::join!(slow, second);
    assert_eq!(first.expect("answer").status(), 408, "it runs until its time is over");
    assert!(second.contains("Code: 373."), "{second}");
}

#[tokio::test]
async fn a_database_in_the_url_is_for_one_statement() {
    let engine = Engine::start();
    engine.ask("CREATE DATABASE other").await;
    engine.ask("CREATE DATABASE third").await;
    let ask = async |query: &str, sql: &'static str| {
        let (status, text) = engine.post(&format!("session_id=a&{query}"), sql).await;
        assert_eq!(status, 200, "{text}");
        text
    };
    ask("", "USE other").await;
    for (query, expected) in
        [("", "other\n"), ("database=default", "default\n"), ("database=third", "third\n"), ("", "other\n")]
    {
        assert_eq!(ask(query, "SELECT currentDatabase()").await, expected, "{query}");
    }
    ask("database=default", "USE third").await;
    assert_eq!(ask("", "SELECT currentDatabase()").await, "third\n");
}
