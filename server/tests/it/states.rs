//! Where an issue can go, over HTTP, from every state to every state.

use crate::harness::{Server, a_report, answer};
use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

const STATES: [&str; 9] = [
    "NEW",
    "VERIFYING",
    "CANNOT_REPRODUCE",
    "PENDING_FIX",
    "FIXING",
    "FIX_FAILED",
    "FIXED",
    "VERIFIED",
    "DEPLOYED",
];

/// The changes of the contract.
const ALLOWED: [(&str, &str); 12] = [
    ("NEW", "VERIFYING"),
    ("VERIFYING", "PENDING_FIX"),
    ("VERIFYING", "CANNOT_REPRODUCE"),
    ("CANNOT_REPRODUCE", "VERIFYING"),
    ("PENDING_FIX", "FIXING"),
    ("FIXING", "FIXED"),
    ("FIXING", "FIX_FAILED"),
    ("FIX_FAILED", "PENDING_FIX"),
    ("FIX_FAILED", "FIXING"),
    ("FIXED", "VERIFIED"),
    ("FIXED", "FIX_FAILED"),
    ("VERIFIED", "DEPLOYED"),
];

/// A way from `NEW` to each state.
fn way_to(state: &str) -> &'static [&'static str] {
    match state {
        "NEW" => &[],
        "VERIFYING" => &["VERIFYING"],
        "CANNOT_REPRODUCE" => &["VERIFYING", "CANNOT_REPRODUCE"],
        "PENDING_FIX" => &["VERIFYING", "PENDING_FIX"],
        "FIXING" => &["VERIFYING", "PENDING_FIX", "FIXING"],
        "FIX_FAILED" => &["VERIFYING", "PENDING_FIX", "FIXING", "FIX_FAILED"],
        "FIXED" => &["VERIFYING", "PENDING_FIX", "FIXING", "FIXED"],
        "VERIFIED" => &["VERIFYING", "PENDING_FIX", "FIXING", "FIXED", "VERIFIED"],
        "DEPLOYED" => &["VERIFYING", "PENDING_FIX", "FIXING", "FIXED", "VERIFIED", "DEPLOYED"],
        other => panic!("{other} is no state"),
    }
}

async fn change(server: &Server, id: &Value, to: &str, expected: StatusCode) -> Value {
    let request = server.client.patch(format!("{}/api/v1/issues/{id}", server.api));
    let body = json!({"status": to, "actor": "alice", "note": format!("to {to}")});
    answer(request.json(&body).send().await.unwrap(), expected).await
}

/// A new issue in this state.
async fn issue_in(server: &Server, line_number: u32, state: &str) -> Value {
    let id = server.report(&a_report(line_number)).await["id"].clone();
    for step in way_to(state) {
        change(server, &id, step, StatusCode::OK).await;
    }
    id
}

async fn history(server: &Server, id: &Value) -> Vec<(String, String, String)> {
    let page = server.json(&format!("/api/v1/issues/{id}/history")).await;
    let word = |item: &Value, key: &str| item[key].as_str().unwrap().to_owned();
    let items = page["items"].as_array().unwrap();
    items.iter().map(|item| (word(item, "from"), word(item, "to"), word(item, "actor"))).collect()
}

#[tokio::test]
async fn every_change_of_the_contract_works_and_every_other_is_a_conflict() {
    let server = Server::start().await;
    let mut line_number = 0;
    for from in STATES {
        let allowed: Vec<&str> =
            ALLOWED.iter().filter(|(start, _)| *start == from).map(|(_, to)| *to).collect();
        line_number += 1;
        let id = issue_in(&server, line_number, from).await;
        for to in STATES.into_iter().filter(|to| !allowed.contains(to)) {
            let refused = change(&server, &id, to, StatusCode::CONFLICT).await;
            assert_eq!(refused["error"]["code"], "transition_not_allowed", "{from} → {to}");
            let mut named: Vec<&str> = refused["error"]["allowed"]
                .as_array()
                .unwrap()
                .iter()
                .map(|word| word.as_str().unwrap())
                .collect();
            named.sort_unstable();
            let mut expected = allowed.clone();
            expected.sort_unstable();
            assert_eq!(named, expected, "{from} → {to}");
        }
        assert_eq!(history(&server, &id).await.len(), way_to(from).len(), "a refused change left a trace");
        for to in &allowed {
            line_number += 1;
            let id = issue_in(&server, line_number, from).await;
            assert_eq!(change(&server, &id, to, StatusCode::OK).await["status"], *to);
            let told = history(&server, &id).await;
            assert_eq!(told.last().unwrap(), &(from.to_owned(), (*to).to_owned(), "alice".to_owned()));
            assert_eq!(told.len(), way_to(from).len() + 1);
        }
    }
}

#[tokio::test]
async fn a_new_occurrence_reopens_what_counted_as_over_once() {
    let server = Server::start().await;
    for (line_number, state) in (100..).zip(STATES) {
        let id = issue_in(&server, line_number, state).await;
        let before = history(&server, &id).await;
        let report = a_report(line_number);
        let answers = join_all((0..16).map(|_| server.report(&report))).await;
        assert!(answers.iter().all(|answer| answer["is_new"] == false));
        let issue = format!("SELECT count FROM issues WHERE id = {id}");
        server.sql_becomes(&issue, "17").await;
        let reopens = matches!(state, "DEPLOYED" | "CANNOT_REPRODUCE");
        let statement = format!("SELECT status FROM issues WHERE id = {id}");
        server.sql_becomes(&statement, if reopens { "NEW" } else { state }).await;
        let mut expected = before;
        if reopens {
            expected.push((state.to_owned(), "NEW".to_owned(), "regression".to_owned()));
        }
        assert_eq!(history(&server, &id).await, expected);
    }
}

#[tokio::test]
async fn states_survive_a_kill() {
    let server = Server::start().await;
    let id = issue_in(&server, 1, "DEPLOYED").await;
    let server = server.kill_and_restart().await;
    change(&server, &id, "FIXING", StatusCode::CONFLICT).await;
    server.report(&a_report(1)).await;
    let server = server.kill_and_restart().await;
    change(&server, &id, "VERIFYING", StatusCode::OK).await;
    let told = history(&server, &id).await;
    assert_eq!(told[6], ("DEPLOYED".to_owned(), "NEW".to_owned(), "regression".to_owned()));
    assert_eq!(told.len(), 8);
}
