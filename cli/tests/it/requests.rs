//! `log-center requests`.

use super::terminal::{on_terminal, without_colours};
use super::{Ran, command, run};
use crate::harness::{Server, now_ms};
use log_center_wire::UnixMillis;
use serde_json::{Value, json};
use tempfile::TempDir;

async fn requests(server: &Server, arguments: &[&str]) -> Ran {
    let state = TempDir::new().unwrap();
    run(command(&server.api, &state, &[&["requests"], arguments].concat()), "").await
}

/// Ends of requests: their ids, services, statuses, durations and users.
const ENDS: [(&str, &str, u16, f64, &str); 5] = [
    ("r1", "shop", 200, 12.5, "u_1"),
    ("r2", "shop", 404, 3.0, "u_2"),
    ("r3", "shop", 500, 1200.25, "u_1"),
    ("r4", "pay", 200, 700.0, ""),
    ("r5", "pay", 503, 50.0, "u_3"),
];

async fn a_server_with_requests() -> Server {
    let server = Server::start().await;
    let body: Vec<String> = ENDS
        .iter()
        .enumerate()
        .map(|(number, (id, name, status, tm, uid))| {
            let time = UnixMillis(now_ms() - 60_000 + i64::try_from(number).unwrap() * 1000).to_string();
            json!({"name": name, "hostname": "h1", "pid": 1, "level": if *status >= 500 { 50 } else { 30 }, "time": time,
                "msg": "end", "scope": "visit", "event": "client-res", "req_id": id, "uid": uid, "tm": tm,
                "extra": format!("method=GET route=/{name}/{{id}} status={status}"),
                "d": {"url": format!("/{name}/{number}?q=Ä"), "ip": "10.0.0.1", "ua": ""}, "environment": "production"})
            .to_string()
        })
        .collect();
    server.post("/api/v1/events").body(body.join("\n")).send().await.unwrap();
    server.sql_becomes("SELECT count() FROM events", "5").await;
    server
}

fn ids(out: &str) -> Vec<&str> {
    out.lines().skip(1).map(|line| line.split('\t').next().unwrap()).collect()
}

#[tokio::test]
async fn requests_are_found_by_what_they_were() {
    let server = a_server_with_requests().await;
    for (arguments, expected) in [
        (&[][..], &["r5", "r4", "r3", "r2", "r1"][..]),
        (&["--service", "shop"], &["r3", "r2", "r1"]),
        (&["--project", "pay"], &["r5", "r4"]),
        (&["--state", "error"], &["r5", "r3"]),
        (&["--status", "404,5xx"], &["r5", "r3", "r2"]),
        (&["--sort", "slowest", "-n", "2"], &["r3", "r4"]),
        (&["--sort", "failing", "--service", "shop"], &["r3"]),
        (&["--uid", "u_1"], &["r3", "r1"]),
        (&["--min-ms", "50", "--max-ms", "1000"], &["r5", "r4"]),
        (&["--url-part", "/SHOP/1"], &["r2"]),
        (&["--route", "/pay/{id}", "--method", "GET"], &["r5", "r4"]),
        (&["--ip", "10.0.0.1", "--environment", "production", "--hops", "all", "-n", "1"], &["r5"]),
        (&["--ip", "10.0.0.2"], &[]),
        (&["--until", "1h"], &[]),
        (&["--since", "1h", "--rrdid", "nobody"], &[]),
    ] {
        let ran = requests(&server, arguments).await;
        ran.ended(0, &[]);
        assert_eq!(ids(&ran.out), expected, "{arguments:?}");
    }
    requests(&server, &["--uid", "none"]).await.ended(0, &["nothing is found in the last day", "--since 7d"]);
}

#[tokio::test]
async fn a_request_is_told_to_people_and_to_programs() {
    let server = a_server_with_requests().await;
    let ran = requests(&server, &["--uid", "u_1", "--status", "500"]).await;
    let mut lines = ran.out.lines();
    assert_eq!(
        lines.next().unwrap(),
        "req_id\tstarted_at\tservice\tstate\tstatus\tduration_ms\tmethod\tpath\tuid\terrors"
    );
    let cells: Vec<_> = lines.next().unwrap().split('\t').collect();
    assert_eq!(cells[2..], ["shop", "error", "500", "1200.25", "GET", "/shop/{id}", "u_1", "1"]);
    let ran = requests(&server, &["--json", "-n", "2"]).await;
    let items: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(items, *server.json("/api/v1/requests?limit=2").await["items"].as_array().unwrap());
    let state = TempDir::new().unwrap();
    let seen = on_terminal(command(&server.api, &state, &["requests", "--uid", "u_1"]), 120).await;
    let screen = without_colours(&seen.screen);
    let lines: Vec<_> = screen.lines().collect();
    assert!(lines[0].ends_with(" 500     1200 ms shop GET /shop/{id} 1 error uid=u_1"), "{screen}");
    // The whole id, for `trace`.
    assert_eq!(lines[1], "    r3");
    assert!(lines[2].ends_with(" 200     12.5 ms shop GET /shop/{id} uid=u_1"), "{screen}");
}
