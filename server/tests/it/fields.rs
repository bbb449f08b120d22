//! The table of fields, and what must agree with it.

use crate::harness::Server;
use log_center_server::event::columns::COLUMNS;
use log_center_server::event::docs;
use std::path::Path;

/// A new column needs its migration; a comment is the same wherever it is read.
#[tokio::test]
async fn the_table_of_fields_is_the_one_in_clickhouse() {
    let server = Server::start().await;
    let described = "SELECT name, type, comment FROM system.columns WHERE database = currentDatabase() \
        AND table = 'event_store' ORDER BY name FORMAT TSVRaw";
    let mut expected: Vec<_> = COLUMNS.iter().map(|column| (column.name, column.sql_type)).collect();
    expected.extend([("batch", "UInt64"), ("ordinal", "UInt32")]);
    expected.sort_unstable();
    let found = server.sql(described).await;
    let found: Vec<_> = found.lines().map(|line| line.split('\t').collect::<Vec<_>>()).collect();
    let found: Vec<_> = found.iter().map(|column| (column[0], column[1])).collect();
    assert_eq!(found, expected);

    let in_view = "SELECT name, type, comment FROM system.columns WHERE database = currentDatabase() \
        AND table = 'events' AND name NOT IN ('id', 'batch') ORDER BY position FORMAT TSVRaw";
    let expected: Vec<_> = COLUMNS
        .iter()
        .map(|column| format!("{}\t{}\t{}", column.name, column.view_type, column.comment))
        .collect();
    assert_eq!(server.sql(in_view).await, expected.join("\n"));
}

/// `LOG_CENTER_WRITE_DOCS=1 cargo nextest run -p log-center-server the_page_of_fields` makes the page anew.
#[test]
fn the_page_of_fields_is_that_of_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/fields.md");
    if std::env::var_os("LOG_CENTER_WRITE_DOCS").is_some() {
        std::fs::write(&path, docs::page()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert_eq!(written, docs::page(), "docs/fields.md is not that of the table: see this test");
}
