//! `log-center issues`.

use super::terminal::{on_terminal, without_colours};
use super::{Ran, command, run};
use crate::harness::{Server, a_report};
use serde_json::{Value, json};
use tempfile::TempDir;

async fn issues(server: &Server, arguments: &[&str]) -> Ran {
    let state = TempDir::new().unwrap();
    run(command(&server.api, &state, &[&["issues"], arguments].concat()), "").await
}

/// A server with three issues: of lines 1, 2 and 3, the first with three occurrences.
async fn a_server_with_issues() -> (Server, [String; 3]) {
    let server = Server::start().await;
    let mut ids = Vec::new();
    for (line, times) in [(1, 3), (2, 1), (3, 1)] {
        for _ in 0..times {
            let mut report = a_report(line);
            report["project_id"] = if line == 3 { "web" } else { "shop" }.into();
            ids.push(server.report(&report).await["id"].to_string());
        }
    }
    ids.dedup();
    server.sql_becomes("SELECT sum(count) FROM issues", "5").await;
    (server, ids.try_into().unwrap())
}

/// The cells of the lines below the first.
fn cells(out: &str) -> Vec<Vec<&str>> {
    out.lines().skip(1).map(|line| line.split('\t').collect()).collect()
}

#[tokio::test]
async fn issues_are_listed_and_chosen() {
    let (server, ids) = a_server_with_issues().await;
    let ran = issues(&server, &["--sort", "count"]).await;
    ran.ended(0, &[]);
    assert_eq!(
        ran.out.lines().next().unwrap(),
        "id\tproject\tstatus\tlevel\tcount\tusers\tfirst_seen\tlast_seen\ttype\tmessage\tplace"
    );
    let listed = cells(&ran.out);
    assert_eq!(listed.len(), 3);
    assert_eq!(listed[0][..6], [&*ids[0], "shop", "NEW", "ERROR", "3", "1"]);
    assert_eq!(listed[0][8], "ValueError");
    assert_eq!(listed[0][10], "apps/users/views.py:1");
    // `list` is the same.
    let same = issues(&server, &["list", "--sort", "count"]).await.out;
    assert_eq!(same, ran.out);

    for (arguments, expected) in [
        (&["--project", "web"][..], vec![&ids[2]]),
        (&["--service", "web"], vec![&ids[2]]),
        (
            &["--text", "VIEWS.PY", "-n", "2", "--sort", "first_seen", "--order", "asc"],
            vec![&ids[0], &ids[1]],
        ),
        (&["--status", "fixed,verified"], vec![]),
        (
            &["--level", "error", "--version", "1.2.3", "--environment", "production", "--project", "web"],
            vec![&ids[2]],
        ),
        (&["--until", "1h"], vec![]),
        (&["--since", "1h", "--project", "web"], vec![&ids[2]]),
    ] {
        let ran = issues(&server, arguments).await;
        let found: Vec<_> = cells(&ran.out).into_iter().map(|cells| cells[0].to_owned()).collect();
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{arguments:?}");
    }
    issues(&server, &["-n", "1"]).await.ended(0, &["the first 1 are shown", "-n shows more"]);
    issues(&server, &["--project", "none"]).await.ended(0, &["no issue is found"]);
    let ran = issues(&server, &["--json", "--sort", "count"]).await;
    let items: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(items, *server.json("/api/v1/issues?sort=count").await["items"].as_array().unwrap());
}

#[tokio::test]
async fn a_person_sees_what_an_issue_is() {
    let (server, ids) = a_server_with_issues().await;
    let state = TempDir::new().unwrap();
    let seen =
        on_terminal(command(&server.api, &state, &["issues", "--sort", "count", "-n", "1"]), 120).await;
    let screen = without_colours(&seen.screen);
    let lines: Vec<_> = screen.lines().collect();
    assert!(lines[0].starts_with(&format!("{}  NEW ERROR 3 × shop 1 user last 20", ids[0])), "{screen}");
    assert_eq!(
        lines[1],
        "    ValueError: invalid literal for int() with base 10: 'abc' (apps/users/views.py:1)"
    );

    issues(&server, &["set", &ids[0], "verifying", "--note", "seen on staging", "--actor", "alice"])
        .await
        .ended(0, &[]);
    let ran = issues(&server, &["show", &ids[0]]).await;
    ran.ended(0, &[]);
    for part in [
        "ValueError: invalid literal for int() with base 10: 'abc' (apps/users/views.py:1)",
        &format!("issue {} of shop, ERROR, VERIFYING", ids[0]),
        "3 times, 1 user, first 20",
        "in production",
        "versions 1.2.3",
        "the last 7 days; the highest is 3 in 3 hours",
        "environment=production version=1.2.3 commit=abc1234",
        "uid=u_12345 req=req_abc123",
        "  Traceback (most recent call last):",
        "NEW → VERIFYING by alice: seen on staging",
        &format!("next: log-center issues set {} pending_fix|cannot_reproduce", ids[0]),
    ] {
        assert!(ran.out.contains(part), "{part:?} is not in:\n{}", ran.out);
    }
    let ran = issues(&server, &["show", "--json", &ids[0]]).await;
    let printed: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(printed, server.json(&format!("/api/v1/issues/{}", ids[0])).await);
}

#[tokio::test]
async fn a_state_is_changed_where_that_is_allowed() {
    let (server, ids) = a_server_with_issues().await;
    let set = async |arguments: &[&str]| issues(&server, &[&["set"], arguments].concat()).await;
    let ran = set(&[&ids[1], "verifying"]).await;
    ran.ended(0, &[]);
    assert_eq!(ran.out, format!("issue {} is VERIFYING\n", ids[1]));
    let ran = set(&[&ids[1], "pending-fix", "--json"]).await;
    assert_eq!(serde_json::from_str::<Value>(&ran.out).unwrap()["status"], "PENDING_FIX");
    // What is possible is said.
    set(&[&ids[1], "DEPLOYED"]).await.ended(1, &["409", "cannot become DEPLOYED, only FIXING"]);
    set(&[&ids[1], "done"]).await.ended(1, &["422", "status", "VERIFYING"]);
    set(&[&ids[1], "fixing", "--actor", "regression"]).await.ended(1, &["422", "actor"]);
    set(&["5", "verifying"]).await.ended(4, &["there is no issue 5", "log-center issues"]);
    issues(&server, &["show", "5"]).await.ended(4, &["there is no issue 5", "log-center issues"]);
    issues(&server, &["show", "five"]).await.ended(1, &["422", "id"]);
    // Who it was is the user unless it is said.
    let state = TempDir::new().unwrap();
    let mut by_user = command(&server.api, &state, &["issues", "set", &ids[2], "verifying"]);
    by_user.env("USER", "bob");
    run(by_user, "").await.ended(0, &[]);
    let history = server.json(&format!("/api/v1/issues/{}/history", ids[2])).await;
    let change = &history["items"][0];
    assert_eq!(json!([change["from"], change["to"], change["actor"]]), json!(["NEW", "VERIFYING", "bob"]));
}
