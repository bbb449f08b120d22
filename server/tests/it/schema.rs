//! The schema: what it is, and how a database gets there.

use crate::harness::{Server, ServerOptions, a_report};

const DESCRIBE: &str = "SELECT table, name, type, comment FROM system.columns WHERE database = currentDatabase() \
    ORDER BY table, position FORMAT TSV";

#[tokio::test]
async fn schema_is_the_one_on_record() {
    let server = Server::start().await;
    let columns = server.sql(DESCRIBE).await;
    insta::assert_snapshot!("schema", columns);
    let views = "('events', 'issues', 'errors', 'requests', 'calls', 'performance', 'biz_events', 'event_counts', \
        'requests_by_minute', 'calls_by_minute', 'performance_by_minute', 'issue_changes')";
    let of_views = format!("database = currentDatabase() AND table IN {views}");
    let count = server.sql(&format!("SELECT uniq(table) FROM system.columns WHERE {of_views}")).await;
    assert_eq!(count, "12");
    let silent =
        server.sql(&format!("SELECT count() FROM system.columns WHERE {of_views} AND comment = ''")).await;
    assert_eq!(silent, "0", "every column of a view has a comment");
}

/// The writer adds a batch to a derived table by position, the materialized view by name.
#[tokio::test]
async fn derived_tables_have_the_order_of_their_selects() {
    let server = Server::start().await;
    for (table, select) in [
        ("issue_store", include_str!("../../src/store/sql/issue_store_select.sql")),
        ("issue_hour_store", include_str!("../../src/store/sql/issue_hour_store_select.sql")),
        ("request_minute_store", include_str!("../../src/store/sql/request_minute_store_select.sql")),
        ("call_minute_store", include_str!("../../src/store/sql/call_minute_store_select.sql")),
        ("performance_minute_store", include_str!("../../src/store/sql/performance_minute_store_select.sql")),
        ("event_count_store", include_str!("../../src/store/sql/event_count_store_select.sql")),
        ("request_time_store", include_str!("../../src/store/sql/request_time_store_select.sql")),
    ] {
        let names = "SELECT groupArray(name) FROM (SELECT name FROM system.columns WHERE database = currentDatabase()";
        let of_table = server.sql(&format!("{names} AND table = '{table}' ORDER BY position)")).await;
        let described =
            server.sql(&format!("DESCRIBE ({})", select.replace("{source}", "event_store"))).await;
        let of_select: Vec<_> = described.lines().filter_map(|line| line.split('\t').next()).collect();
        assert_eq!(of_table, format!("['{}']", of_select.join("','")), "{table}");
    }
}

#[tokio::test]
async fn views_show_what_arrived() {
    let server = Server::start().await;
    server.report(&a_report(42)).await;
    server.report(&a_report(42)).await;
    server.sql_becomes("SELECT sum(count) FROM issues", "2").await;
    let fingerprint = "c28b25b7d52420836670e6e071f446f4";
    let issue = server.sql("SELECT fingerprint, type, level, status, count, users FROM issues").await;
    assert_eq!(issue, format!("{fingerprint}\tValueError\t50\tNEW\t2\t1"));
    let event = server.sql("SELECT DISTINCT fingerprint, project, err_type, uid, req_id FROM events").await;
    assert_eq!(event, format!("{fingerprint}\trtc_backend\tValueError\tu_12345\treq_abc123"));
    assert_eq!(server.sql("SELECT count(), uniq(issue_id) FROM errors").await, "2\t1");
    for view in ["requests", "calls", "performance", "biz_events"] {
        assert_eq!(server.sql(&format!("SELECT count() FROM {view}")).await, "0", "{view}");
    }
}

#[tokio::test]
async fn a_second_start_changes_nothing_and_a_broken_off_one_is_continued() {
    let server = Server::start().await;
    let before = server.sql("SELECT name, applied_at FROM schema_migrations ORDER BY name").await;
    let server = server.kill_and_restart().await;
    assert_eq!(server.sql("SELECT name, applied_at FROM schema_migrations ORDER BY name").await, before);

    // As after a kill between the statements of the third migration, and before the view.
    server.sql("DROP TABLE issue_hour_store_mv").await;
    server.sql("DROP TABLE biz_events").await;
    let forget = "ALTER TABLE schema_migrations DELETE WHERE name IN \
        ('first/issue_hour_store', 'first/issue_transitions', 'views/biz_events') SETTINGS mutations_sync = 2";
    server.sql(forget).await;
    let columns = "SELECT count() FROM system.tables WHERE database = currentDatabase()";
    let broken: u32 = server.sql(columns).await.parse().unwrap();
    let server = server.kill_and_restart().await;
    assert_eq!(server.sql(columns).await, (broken + 2).to_string());
    server.report(&a_report(1)).await;
    server.sql_becomes("SELECT sum(count) FROM issue_hour_store", "1").await;
}

#[tokio::test]
async fn a_database_that_does_not_fit_is_left_alone() {
    let cases = [
        ("'9999_from_tomorrow', 'x'", "9999_from_tomorrow"),
        ("'first/event_store', 'another'", "first/event_store was changed"),
        ("'0001_event_store', 'x'", "a build from before the first release"),
    ];
    for (record, told) in cases {
        let server = Server::start().await;
        server.sql(&format!("INSERT INTO schema_migrations SELECT {record}, now64(3) + 1")).await;
        let (_, options): (_, ServerOptions) = server.stop().await;
        let mut command = options.command();
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{record}");
        assert!(text.contains(told), "{record}: {text}");
    }
}
