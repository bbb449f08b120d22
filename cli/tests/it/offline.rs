//! What needs no server, and what is said when there is none.

use super::{Ran, command, run, write};
use crate::harness::Server;
use tempfile::TempDir;

/// An address at which nothing listens: the discard port.
const NOWHERE: &str = "http://127.0.0.1:9";

async fn alone(arguments: &[&str]) -> Ran {
    let state = TempDir::new().unwrap();
    run(command(NOWHERE, &state, arguments), "").await
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_with_what_to_do() {
    let state = TempDir::new().unwrap();
    let file = write(&state, "app.log", "{}\n");
    for arguments in [
        &["import", &file][..],
        &["search", "x"],
        &["tail"],
        &["tail", "-n", "5"],
        &["issues"],
        &["issues", "show", "1"],
        &["issues", "set", "1", "verifying"],
        &["requests"],
        &["trace", "r1"],
        &["sql", "SELECT 1"],
    ] {
        let ran = run(command(NOWHERE, &state, arguments), "").await;
        ran.ended(1, &[NOWHERE, "refused", "log-center serve", "--url", "LOG_CENTER_URL"]);
        assert_eq!(ran.out, "");
    }
}

#[tokio::test]
async fn wrong_usage_is_told_apart_from_failure() {
    for (arguments, told) in [
        (&["trace"][..], "REQ_ID"),
        (&["import", "--url", "ftp://x"], "http://"),
        (&["import", "--url", "http://x/?a=b"], "query"),
        (&["trace", "r1", "--limit", "0"], "1..=100000"),
        (&["trace", "r1", "--json", "--events"], "cannot be used with"),
        (&["sql", "--param", "p", "SELECT 1"], "NAME=VALUE"),
        (&["search", "-n", "0"], "1..=10000"),
        (&["tail", "-n", "10001"], "0..=10000"),
        (&["requests", "-n", "many"], "--limit"),
        (&["requests", "r1"], "unexpected argument"),
        (&["issues", "show"], "ID"),
        (&["issues", "set", "1"], "STATE"),
        (&["issues", "--json", "show", "1"], "show"),
        (&["completions", "tcsh"], "bash"),
        (&["import", "--patience", "long"], "--patience"),
    ] {
        alone(arguments).await.ended(2, &[told]);
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_named_before_anything_is_sent() {
    let state = TempDir::new().unwrap();
    let good = write(&state, "good.log", super::lines(1));
    let foreign = write(&state, "old.log.bz2", b"BZh91AY");
    let missing = state.path().join("missing.log");
    let server = Server::start().await;
    for (bad, told) in [
        (missing.to_str().unwrap(), "No such file"),
        (state.path().to_str().unwrap(), "this is a directory"),
        (foreign.as_str(), "bzcat"),
    ] {
        let ran = run(command(&server.api, &state, &["import", &good, bad]), "").await;
        ran.ended(1, &[bad, told]);
    }
    assert_eq!(server.sql("SELECT count() FROM events").await, "0");
}

#[tokio::test]
async fn the_schema_makes_what_the_server_makes() {
    let schema = alone(&["schema"]).await;
    schema.ended(0, &[]);
    let views = alone(&["schema", "--views"]).await;
    assert!(schema.out.ends_with(&views.out) && views.out.len() < schema.out.len());

    // Every statement runs where there is nothing yet, and makes the same columns.
    let server = Server::start().await;
    let columns = "SELECT groupArray((table, name, type, comment)) FROM \
        (SELECT * FROM system.columns WHERE database = currentDatabase() ORDER BY table, position)";
    let expected = server.sql(columns).await;
    let drop = format!("DROP DATABASE {} SYNC", server.database);
    let create = format!("CREATE DATABASE {}", server.database);
    for statement in [drop, create] {
        let request = server.client.post(&server.clickhouse).basic_auth("default", Some(server.password()));
        let answer = request.body(statement).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }
    let without_comments: String =
        schema.out.lines().filter(|line| !line.starts_with("--")).map(|line| format!("{line}\n")).collect();
    for statement in without_comments.split(";\n").map(str::trim).filter(|text| !text.is_empty()) {
        server.sql(statement).await;
    }
    assert_eq!(server.sql(columns).await, expected);
}

#[tokio::test]
async fn shells_are_told_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = alone(&["completions", shell]).await;
        ran.ended(0, &[]);
        for command in
            ["serve", "import", "search", "issues", "requests", "trace", "tail", "schema", "--rejects"]
        {
            let command = command.trim_start_matches("--");
            assert!(ran.out.contains(command), "{shell}: {command}");
        }
    }
}

#[tokio::test]
async fn every_command_has_examples() {
    for command in [
        &["import"][..],
        &["search"],
        &["tail"],
        &["issues"],
        &["issues", "show"],
        &["issues", "set"],
        &["requests"],
        &["trace"],
        &["sql"],
        &["schema"],
        &["completions"],
    ] {
        let ran = alone(&[command, &["--help"]].concat()).await;
        ran.ended(0, &[]);
        let example = format!("log-center {} ", command.join(" "));
        let examples = ran.out.lines().filter(|line| line.trim_start().contains(&example)).count();
        // The first is the line of usage.
        assert!(examples > 1, "{command:?}:\n{}", ran.out);
    }
}
