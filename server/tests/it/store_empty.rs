//! A ClickHouse that loses its tables while the server runs.

use crate::harness::{DEADLINE, POLL, Server, a_report};
use std::time::Instant;

async fn log_says(server: &Server, words: &str) {
    let started = Instant::now();
    while !server.log().contains(words) {
        assert!(started.elapsed() < DEADLINE, "{words:?} is not in:\n{}", server.log());
        tokio::time::sleep(POLL).await;
    }
}

async fn loses(statement: impl Fn(&Server) -> String) {
    let server = Server::start().await;
    for _ in 0..3 {
        server.report(&a_report(1)).await;
    }
    server.sql_becomes("SELECT sum(count) FROM issues", "3").await;
    // Rows can be seen before the writer has its answer; until then it would send them again.
    let started = Instant::now();
    while server.json("/health").await["spool"]["waiting_events"] != 0 {
        assert!(started.elapsed() < DEADLINE, "the spool does not drain");
        tokio::time::sleep(POLL).await;
    }
    // One look at least has seen the tables.
    log_says(&server, "the tables are watched").await;
    server.sql(&statement(&server)).await;
    let again = server.report(&a_report(1)).await;
    assert_eq!(again["is_new"], false, "a known issue was taken for a new one");
    log_says(&server, "the tables are there again").await;
    assert!(server.log().contains("event_store"), "{}", server.log());
    server.sql_becomes("SELECT count() FROM events", "1").await;
    server.sql_becomes("SELECT sum(count) FROM issues WHERE count > 0", "1").await;
}

#[tokio::test]
async fn a_lost_database_is_made_again_while_the_server_runs() {
    loses(|server| format!("DROP DATABASE {} SYNC", server.database)).await;
}

#[tokio::test]
async fn lost_tables_are_made_again_while_the_server_runs() {
    loses(|server| {
        let tables = ["event_store", "issue_store", "issue_store_mv"];
        let names: Vec<_> = tables.iter().map(|name| format!("{}.{name}", server.database)).collect();
        format!("DROP TABLE {} SYNC", names.join(", "))
    })
    .await;
}

#[tokio::test]
async fn tables_of_others_may_go() {
    let server = Server::start().await;
    log_says(&server, "the tables are watched").await;
    let theirs = format!("{}.theirs", server.database);
    server.sql(&format!("CREATE TABLE {theirs} (x Int8) ENGINE = MergeTree ORDER BY x")).await;
    server.report(&a_report(1)).await;
    server.sql_becomes("SELECT sum(count) FROM issues", "1").await;
    server.sql(&format!("DROP TABLE {theirs} SYNC")).await;
    // Once one of our own has gone and come back, the other one was missing as well for at least one look.
    server.sql(&format!("DROP TABLE {}.biz_events SYNC", server.database)).await;
    log_says(&server, "the tables are there again").await;
    assert!(!server.log().contains("theirs"), "{}", server.log());
    assert_eq!(server.sql("SELECT count() FROM biz_events").await, "0");
    assert_eq!(server.sql("SELECT sum(count) FROM issues").await, "1");
}
