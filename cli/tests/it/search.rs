//! `log-center search`.

use super::{Ran, command, run};
use crate::harness::{Server, now_ms};
use log_center_wire::UnixMillis;
use serde_json::{Value, json};
use tempfile::TempDir;

async fn search(server: &Server, arguments: &[&str]) -> Ran {
    let state = TempDir::new().unwrap();
    run(command(&server.api, &state, &[&["search"], arguments].concat()), "").await
}

/// A server with so many records, a second apart, the last of them a minute ago.
pub async fn a_server_with(count: i64) -> Server {
    let server = Server::start().await;
    let end = now_ms() - 60_000;
    let record = |number: i64| {
        let time = UnixMillis(end - (count - number) * 1000).to_string();
        json!({"name": if number % 2 == 0 { "shop" } else { "pay" }, "hostname": "h1", "pid": number, "level": 30,
            "time": time, "msg": format!("record {number}"), "uid": "u_7"})
        .to_string()
    };
    for numbers in (1..=count).collect::<Vec<_>>().chunks(1000) {
        let body: Vec<_> = numbers.iter().map(|number| record(*number)).collect();
        server.post("/api/v1/events").body(body.join("\n")).send().await.unwrap();
    }
    server.sql_becomes("SELECT count() FROM events", &count.to_string()).await;
    server
}

/// The numbers of the records on the lines.
fn numbers(out: &str) -> Vec<i64> {
    let number =
        |line: &str| line.split_once("record ").unwrap().1.split(' ').next().unwrap().parse().unwrap();
    out.lines().map(number).collect()
}

#[tokio::test]
async fn the_latest_records_are_shown_as_in_a_log() {
    let server = a_server_with(1_200).await;
    let ran = search(&server, &[]).await;
    ran.ended(0, &["the latest 50 are shown", "-n shows more"]);
    assert_eq!(numbers(&ran.out), (1_151..=1_200).collect::<Vec<_>>());
    let line = ran.out.lines().last().unwrap();
    let time = UnixMillis::parse(&format!("{}Z", line[..23].replace(' ', "T"))).unwrap();
    assert!((now_ms() - time.0 - 60_000).abs() < 60_000, "{line}");
    assert_eq!(&line[23..], " INFO  shop@h1 record 1200 uid=u_7");

    // More than one page.
    let ran = search(&server, &["-n", "1100", "--newest-first"]).await;
    assert_eq!(numbers(&ran.out), (101..=1_200).rev().collect::<Vec<_>>());
    let ran = search(&server, &["-n", "10000", "--", "-msg:\"record 1199\"", "service:pay"]).await;
    ran.ended(0, &[]);
    assert_eq!(ran.said, "");
    assert_eq!(numbers(&ran.out), (1..=1_197).step_by(2).collect::<Vec<_>>());
}

#[tokio::test]
async fn json_is_the_record_itself_on_a_line() {
    let server = a_server_with(20).await;
    let ran = search(&server, &["--json", "-n", "3"]).await;
    let records: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut listed = server.json("/api/v1/events?limit=3").await["items"].as_array().unwrap().clone();
    listed.reverse();
    assert_eq!(records, listed);
}

#[tokio::test]
async fn a_window_is_given_as_times_and_ages() {
    let server = a_server_with(600).await;
    let minute = now_ms() - 60_000;
    let at = |ms: i64| UnixMillis(ms).to_string();
    let all = numbers(&search(&server, &["-n", "10000"]).await.out);
    let shown = async |arguments: &[&str]| {
        let ran = search(&server, &[&["-n", "10000"], arguments].concat()).await;
        ran.ended(0, &[]);
        numbers(&ran.out)
    };
    assert_eq!(shown(&["--since", "7d"]).await, all);
    let two_minutes = shown(&["--since", &at(minute - 120_000), "--until", &at(minute - 60_000)]).await;
    assert!((55..=65).contains(&two_minutes.len()), "{two_minutes:?}");
    assert!(shown(&["--since", "3m"]).await.len() < all.len());
    assert_eq!(shown(&["--until", "1d"]).await, [0; 0]);
    // An offset with a plus, which a URL would take for a space.
    assert_eq!(shown(&["--since", "2020-01-01T00:00:00+02:00"]).await, all);
}

#[tokio::test]
async fn nothing_is_no_failure_and_says_what_to_try() {
    let server = a_server_with(1).await;
    let ran = search(&server, &["msg:nowhere"]).await;
    ran.ended(0, &["nothing is found in the last day", "--since 7d"]);
    let ran = search(&server, &["--since", "7d", "msg:nowhere"]).await;
    ran.ended(0, &["nothing is found"]);
    assert!(!ran.said.contains("--since") && ran.out.is_empty(), "{}", ran.said);
}
