//! `log-center sql`.

use super::{Ran, command, lines, run, write};
use crate::harness::Server;
use serde_json::{Value, json};
use std::process::Stdio;
use tempfile::TempDir;

async fn sql(server: &Server, arguments: &[&str], stdin: &str) -> Ran {
    let state = TempDir::new().unwrap();
    run(command(&server.api, &state, &[&["sql"], arguments].concat()), stdin).await
}

async fn a_server_with_lines(count: u32) -> Server {
    let server = Server::start().await;
    server.post("/api/v1/events").body(lines(count)).send().await.unwrap();
    server.sql_becomes("SELECT count() FROM events", &count.to_string()).await;
    server
}

const BY_LEVEL: &str = "SELECT level, count() AS n, any(if(level = 50, NULL, 'it''s \"fine\"')) AS word FROM events GROUP BY level ORDER BY level";

#[tokio::test]
async fn an_answer_has_the_form_that_is_wanted() {
    let server = a_server_with_lines(300).await;
    let ran = sql(&server, &["--format", "table", BY_LEVEL], "").await;
    ran.ended(0, &["2 rows in "]);
    let rows: Vec<_> = ran.out.lines().collect();
    let expected = [
        "┌───────┬─────┬─────────────┐",
        "│ level ┆ n   ┆ word        │",
        "╞═══════╪═════╪═════════════╡",
        "│    30 ┆ 297 ┆ it's \"fine\" │",
        "│    50 ┆   3 ┆ NULL        │",
        "└───────┴─────┴─────────────┘",
    ];
    assert_eq!(rows, expected, "{}", ran.out);
    let ran = sql(&server, &["--format", "json", BY_LEVEL], "").await;
    let answer: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(answer["rows"], json!([[30, 297, "it's \"fine\""], [50, 3, null]]));
    // Not on a terminal: csv.
    let ran = sql(&server, &[BY_LEVEL], "").await;
    assert_eq!(
        ran.out.lines().map(str::trim_end).collect::<Vec<_>>()[..2],
        ["\"level\",\"n\",\"word\"", "30,297,\"it's \"\"fine\"\"\""]
    );
    let state = TempDir::new().unwrap();
    for (format, beginning) in [("parquet", &b"PAR1"[..]), ("arrow", &[255, 255, 255, 255])] {
        let mut command = command(&server.api, &state, &["sql", "--format", format, BY_LEVEL]);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        assert!(output.status.success() && output.stdout.starts_with(beginning), "{format}: {output:?}");
    }
}

#[tokio::test]
async fn a_statement_comes_from_anywhere_with_its_parameters() {
    let server = a_server_with_lines(10).await;
    let state = TempDir::new().unwrap();
    let query =
        "SELECT count() AS n FROM events\nWHERE project = {p:String} AND pid IN {pids:Array(UInt32)};\n";
    let file = write(&state, "count.sql", query);
    let parameters = ["--param", "p=shop", "--param", "pids=[1,2,3,99]"];
    for (source, stdin) in
        [(&["--file", file.as_str()][..], ""), (&["-"], query), (&[], query), (&[query], "")]
    {
        let ran = sql(&server, &[&parameters, source].concat(), stdin).await;
        ran.ended(0, &[]);
        assert_eq!(ran.out.lines().map(str::trim_end).collect::<Vec<_>>(), ["\"n\"", "3"], "{source:?}");
    }
}

#[tokio::test]
async fn what_the_server_refuses_is_told() {
    let server = a_server_with_lines(10).await;
    for (arguments, told) in [
        (&["SELECT 1 FRM events"][..], "400"),
        (&["SELECT missing FROM events"], "missing"),
        (&["DROP TABLE event_store"], "422"),
        (&["SELECT {p:String}"], "p"),
        (&["--max-rows", "3", "SELECT pid FROM events"], "max_rows"),
        (&["--timeout", "1", "--format", "json", "SELECT count() FROM numbers(1000000000000)"], ""),
    ] {
        let ran = sql(&server, arguments, "").await;
        ran.ended(1, &[told, "log-center: "]);
    }
    let ran = sql(&server, &["--format", "table", "--max-rows", "3", "SELECT pid FROM events"], "").await;
    ran.ended(0, &["the first 3 rows", "--max-rows"]);
    sql(&server, &["--file", "/nowhere.sql"], "").await.ended(1, &["/nowhere.sql"]);
}

#[tokio::test]
async fn an_answer_that_nobody_reads_to_its_end_is_no_failure() {
    let server = Server::start().await;
    let state = TempDir::new().unwrap();
    let mut command = command(&server.api, &state, &["sql", "SELECT number FROM numbers(1000000)"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    std::io::Read::read_exact(&mut out, &mut [0; 8]).unwrap();
    drop(out);
    let status = super::ended(&mut child).await;
    let said = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
    assert_eq!((status.code(), said.as_str()), (Some(0), ""));
}

#[tokio::test]
async fn a_null_is_passed_as_clickhouse_writes_it() {
    let server = Server::start().await;
    for (parameter, statement, expected) in [
        ("v=\\N", "SELECT {v:Nullable(UInt64)} IS NULL AS x", "1"),
        ("v=\\N", "SELECT {v:Nullable(String)} IS NULL AS x", "1"),
        (
            "v=\\N",
            "SELECT ifNull({v:Nullable(DateTime64(3, 'UTC'))}::Nullable(String), 'none') AS x",
            "\"none\"",
        ),
        (
            "v=\\N",
            "SELECT count() AS x FROM events WHERE {v:Nullable(String)} IS NULL OR project = {v:Nullable(String)}",
            "0",
        ),
        // These are texts.
        ("v=NULL", "SELECT {v:Nullable(String)} AS x", "\"NULL\""),
        ("v=", "SELECT {v:Nullable(String)} IS NULL AS x", "0"),
        ("v=\\\\N", "SELECT length({v:String}) AS x", "3"),
        ("v=a=\\N", "SELECT {v:String} AS x", "\"a=\\N\""),
    ] {
        let ran = sql(&server, &["--param", parameter, statement], "").await;
        ran.ended(0, &[]);
        assert_eq!(ran.out.lines().nth(1).map(str::trim_end), Some(expected), "{parameter} {statement}");
    }
    sql(&server, &["--param", "v=\\N", "SELECT {v:UInt64} AS x"], "").await.ended(1, &["log-center: "]);
}
