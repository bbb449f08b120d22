//! Reading issues and changing their state.

use crate::harness::{Server, a_report, answer};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::collections::HashSet;

const ISSUES: &str = "/api/v1/issues";

/// Reports what `change` makes of the usual report; the issue is known by its line.
async fn report(server: &Server, line: u32, change: impl FnOnce(&mut Value)) -> u64 {
    let mut body = a_report(line);
    change(&mut body);
    server.report(&body).await["id"].as_u64().unwrap()
}

async fn until_counted(server: &Server, occurrences: u32) {
    // The tables of sums are filled one after the other.
    for table in ["issues", "issue_hour_store"] {
        server.sql_becomes(&format!("SELECT sum(count) FROM {table}"), &occurrences.to_string()).await;
    }
}

fn lines(page: &Value) -> Vec<u64> {
    page["items"].as_array().unwrap().iter().map(|item| item["line_number"].as_u64().unwrap()).collect()
}

/// The fingerprint is hashed without separators, so these two have the same.
#[tokio::test]
async fn errors_of_two_projects_are_two_issues_though_their_fingerprints_are_equal() {
    let server = Server::start().await;
    let mut ids = Vec::new();
    for (project, of_type, file) in [
        ("shop", "2FAError", "a.py"),
        ("shop2", "FAError", "a.py"),
        ("sho", "p2FAError", "a.py"),
        ("shop2FA", "Error", "a.py"),
    ] {
        for is_new in [true, false] {
            let mut body = a_report(1);
            body["project_id"] = json!(project);
            body["error"]["type"] = json!(of_type);
            body["error"]["file_path"] = json!(file);
            body["error"]["message"] = json!(format!("of {project}"));
            let answer = server.report(&body).await;
            assert_eq!(answer["is_new"], is_new, "{project}");
            assert_eq!(answer["fingerprint"], "0f915998ea78a0cd3b8d99e61741ac52");
            ids.push(answer["id"].as_u64().unwrap());
        }
    }
    until_counted(&server, 8).await;
    let distinct: HashSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), 4);
    for (id, project) in ids.iter().step_by(2).zip(["shop", "shop2", "sho", "shop2FA"]) {
        let issue = server.json(&format!("{ISSUES}/{id}")).await;
        assert_eq!((&issue["project_id"], &issue["count"]), (&json!(project), &json!(2)));
        assert_eq!(issue["message"], format!("of {project}"));
        let occurrences = server.json(&format!("{ISSUES}/{id}/occurrences")).await;
        assert_eq!(occurrences["items"].as_array().unwrap().len(), 2);
        let of_project = server.json(&format!("{ISSUES}?project={project}")).await;
        assert_eq!(of_project["items"].as_array().unwrap().len(), 1);
    }
    let change = server.client.patch(format!("{}{ISSUES}/{}", server.api, ids[0]));
    answer(change.json(&json!({"status": "VERIFYING"})).send().await.unwrap(), StatusCode::OK).await;
    for (id, status) in ids.iter().step_by(2).zip(["VERIFYING", "NEW", "NEW", "NEW"]) {
        assert_eq!(server.json(&format!("{ISSUES}/{id}")).await["status"], status);
    }
}

#[tokio::test]
async fn list_is_filtered_and_sorted() {
    let server = Server::start().await;
    report(&server, 1, |body| body["timestamp"] = json!("2026-01-30T10:00:00Z")).await;
    report(&server, 2, |body| {
        body["project_id"] = json!("rtc_web");
        body["environment"] = json!("Staging");
        body["level"] = json!("WARNING");
        body["version"] = json!("2.0");
    })
    .await;
    for user in ["a", "b", "c"] {
        report(&server, 3, |body| {
            body["level"] = json!("CRITICAL");
            body["error"]["message"] = json!("Größer 100%_? 'quoted' \\ {text:String}");
            body["context"]["user_id"] = json!(user);
        })
        .await;
    }
    until_counted(&server, 5).await;

    #[track_caller]
    fn check(query: &str, page: &Value, expected: &[u64]) {
        assert_eq!(lines(page), expected, "{query}");
    }
    let cases: &[(&str, &[u64])] = &[
        ("sort=count&limit=1", &[3]),
        ("project=rtc_web", &[2]),
        ("project=nobody", &[]),
        ("environment=STAGING", &[2]),
        ("level=warning", &[2]),
        ("level=50", &[1]),
        ("level=55", &[1]),
        ("level=CRITICAL", &[3]),
        ("version=2.0", &[2]),
        ("status=NEW,FIXED&sort=users&limit=1", &[3]),
        ("status=FIXED&status=VERIFYING", &[]),
        ("text=gr%C3%B6%C3%9Fer", &[3]),
        ("text=100%25_%3F", &[3]),
        ("text=%27quoted%27%20%5C%20%7Btext%3AString%7D", &[3]),
        ("text=100_", &[]),
        ("text=VALUEERROR&project=rtc_web", &[2]),
        ("text=users%2Fviews&until=2026-01-31", &[1]),
        ("since=1h&sort=first_seen&order=asc", &[2, 3]),
        ("since=2026-01-30T10:00:00Z&until=2026-01-30T10:00:00.001Z", &[1]),
        ("until=2026-01-30T12:00:00%2B02:00", &[]),
        ("until=2026-01-30T12:00:01%2B02:00", &[1]),
        ("sort=first_seen&order=asc", &[1, 2, 3]),
        ("sort=last_seen&order=desc", &[3, 2, 1]),
        ("sort=users&limit=1", &[3]),
        ("project=&status=&text=&level=", &[3, 2, 1]),
    ];
    for (query, expected) in cases {
        check(query, &server.json(&format!("{ISSUES}?{query}")).await, expected);
    }
}

#[tokio::test]
async fn bad_parameters_are_named() {
    let server = Server::start().await;
    let id = report(&server, 1, |_| ()).await;
    until_counted(&server, 1).await;
    let long = "x".repeat(1025);
    let cases = [
        (format!("{ISSUES}?colour=red"), "colour"),
        (format!("{ISSUES}?project=a&project=b"), "project"),
        (format!("{ISSUES}?project={}", "p".repeat(129)), "project"),
        (format!("{ISSUES}?text={long}"), "text"),
        (format!("{ISSUES}?level=loud"), "level"),
        (format!("{ISSUES}?level=256"), "level"),
        (format!("{ISSUES}?status=OPEN"), "status"),
        (format!("{ISSUES}?status=NEW,"), "status"),
        (format!("{ISSUES}?sort=name"), "sort"),
        (format!("{ISSUES}?order=up"), "order"),
        (format!("{ISSUES}?limit=0"), "limit"),
        (format!("{ISSUES}?limit=501"), "limit"),
        (format!("{ISSUES}?limit=-1"), "limit"),
        (format!("{ISSUES}?since=yesterday"), "since"),
        (format!("{ISSUES}?until=-5h"), "until"),
        (format!("{ISSUES}?cursor=abc"), "cursor"),
        (format!("{ISSUES}?cursor={}", "0".repeat(48)), "cursor"),
        (format!("{ISSUES}?cursor={}", "%F0%9F%92%A9".repeat(12)), "cursor"),
        (format!("{ISSUES}/abc"), "id"),
        (format!("{ISSUES}/-1"), "id"),
        (format!("{ISSUES}/9007199254740992"), "id"),
        (format!("{ISSUES}/%FF"), "id"),
        (format!("{ISSUES}/{id}?hours=2161"), "hours"),
        (format!("{ISSUES}/{id}?days=1"), "days"),
        (format!("{ISSUES}/{id}/occurrences?limit=x"), "limit"),
        (format!("{ISSUES}/{id}/occurrences?cursor=00"), "cursor"),
        (format!("{ISSUES}/{id}/history?cursor=00"), "cursor"),
    ];
    for (path, field) in cases {
        let response = server.get(&path).send().await.unwrap();
        let body = answer(response, StatusCode::UNPROCESSABLE_ENTITY).await;
        assert_eq!(body["status"], "error", "{path}");
        assert_eq!(body["error"]["field"], field, "{path}");
    }
    for path in ["", "/occurrences", "/history"] {
        let response = server.get(&format!("{ISSUES}/1{path}")).send().await.unwrap();
        assert_eq!(answer(response, StatusCode::NOT_FOUND).await["error"]["code"], "not_found");
    }
    // Times outside of what the store can hold are no reason to fail.
    for query in ["since=0001-01-01", "until=9999-01-01", "since=99999999999999w"] {
        assert_eq!(lines(&server.json(&format!("{ISSUES}?{query}")).await), [1], "{query}");
    }
}

#[tokio::test]
async fn pages_join_up_while_issues_arrive() {
    let server = Server::start().await;
    for line in 1..=7 {
        // Two of each time, so that the id decides.
        let second = line / 2;
        report(&server, line, |body| body["timestamp"] = json!(format!("2026-02-01T00:00:0{second}Z"))).await;
    }
    until_counted(&server, 7).await;
    for sort in ["last_seen", "first_seen", "count", "users"] {
        for order in ["asc", "desc"] {
            let list = format!("{ISSUES}?sort={sort}&order={order}");
            let whole = lines(&server.json(&list).await);
            let mut paged = Vec::new();
            let mut page = server.json(&format!("{list}&limit=3")).await;
            loop {
                paged.extend(lines(&page));
                let Some(cursor) = page["next_cursor"].as_str() else { break };
                page = server.json(&format!("{list}&limit=2&cursor={cursor}")).await;
            }
            assert_eq!(paged, whole, "{list}");
            assert_eq!(paged.iter().collect::<HashSet<_>>().len(), 7, "{list}");
        }
    }

    let first = server.json(&format!("{ISSUES}?limit=3")).await;
    let cursor = first["next_cursor"].as_str().unwrap();
    report(&server, 8, |_| ()).await;
    until_counted(&server, 8).await;
    let rest = server.json(&format!("{ISSUES}?cursor={cursor}")).await;
    let both: HashSet<u64> = lines(&first).into_iter().chain(lines(&rest)).collect();
    assert_eq!(both, (1..=7).collect(), "the new one is before the first page");

    let mut tampered = cursor.to_owned();
    tampered.replace_range(15..16, if cursor.as_bytes()[15] == b'0' { "1" } else { "0" });
    for query in [
        format!("cursor={tampered}"),
        format!("cursor={cursor}&sort=count"),
        format!("cursor={cursor}&text=x"),
    ] {
        let response = server.get(&format!("{ISSUES}?{query}")).send().await.unwrap();
        assert_eq!(
            answer(response, StatusCode::UNPROCESSABLE_ENTITY).await["error"]["field"],
            "cursor",
            "{query}"
        );
    }
}

#[tokio::test]
async fn one_issue_shows_its_latest_occurrence() {
    let server = Server::start().await;
    report(&server, 42, |body| body["timestamp"] = json!("2026-02-01T10:00:00Z")).await;
    let id = report(&server, 42, |body| {
        body["version"] = json!("1.2.4");
        body["environment"] = json!("staging");
        body["context"] = json!({"z": 1, "a": {"deep": [null, "é"]}, "user_id": 7, "request_id": "req_2"});
        body["event_id"] = json!("event-2");
    })
    .await;
    until_counted(&server, 2).await;
    let issue = server.json(&format!("{ISSUES}/{id}?hours=1")).await;
    let item = &server.json(ISSUES).await["items"][0];
    for (key, value) in item.as_object().unwrap() {
        assert_eq!(&issue[key], value, "{key} is the same in the list");
    }
    assert_eq!(issue["id"].as_u64(), Some(id));
    assert_eq!(issue["fingerprint"], "c28b25b7d52420836670e6e071f446f4");
    assert_eq!(issue["project_id"], "rtc_backend");
    assert_eq!(issue["level"], "ERROR");
    assert_eq!(issue["status"], "NEW");
    assert_eq!((issue["count"].as_u64(), issue["users"].as_u64()), (Some(2), Some(2)));
    assert_eq!(issue["first_seen"], "2026-02-01T10:00:00.000Z");
    assert_eq!(issue["environments"], json!(["production", "staging"]));
    assert_eq!(issue["versions"], json!(["1.2.3", "1.2.4"]));
    assert_eq!(issue["allowed"], json!(["VERIFYING"]));
    let sample = &issue["sample"];
    assert_eq!(sample["time"], issue["last_seen"]);
    assert_eq!(
        sample["context"],
        json!({"z": 1, "a": {"deep": [null, "é"]}, "user_id": 7, "request_id": "req_2"})
    );
    assert_eq!(
        sample["stack_trace"],
        json!(["Traceback (most recent call last):", "ValueError: invalid literal"])
    );
    assert_eq!((&sample["request_id"], &sample["user_id"]), (&json!("req_2"), &json!("7")));
    assert_eq!((&sample["event_id"], &sample["source"]), (&json!("event-2"), &json!("report")));
    let hours = issue["histogram"].as_array().unwrap();
    assert_eq!(
        hours.iter().map(|hour| hour["count"].as_u64().unwrap()).sum::<u64>(),
        1,
        "the old one is too old"
    );
}

#[tokio::test]
async fn occurrences_of_one_millisecond_each_come_once() {
    let server = Server::start().await;
    // All in the same millisecond, some of them equal to the letter.
    for user in ["a", "b", "b", "b", "c", "c", "a"] {
        report(&server, 1, |body| {
            body["timestamp"] = json!("2026-02-01T10:00:00.123Z");
            body["context"] = json!({"user_id": user});
        })
        .await;
    }
    let id = report(&server, 1, |body| body["timestamp"] = json!("2026-02-01T09:00:00Z")).await;
    until_counted(&server, 8).await;
    for limit in [1, 2, 3, 8] {
        let list = format!("{ISSUES}/{id}/occurrences?limit={limit}");
        let mut page = server.json(&list).await;
        let mut users = Vec::new();
        loop {
            users.extend(page["items"].as_array().unwrap().iter().map(|item| item["user_id"].clone()));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            page = server.json(&format!("{list}&cursor={cursor}")).await;
        }
        assert_eq!(users.pop(), Some(json!("u_12345")), "the oldest is last");
        let mut users: Vec<_> = users.iter().map(|user| user.as_str().unwrap()).collect();
        users.sort_unstable();
        assert_eq!(users, ["a", "a", "b", "b", "b", "c", "c"], "limit {limit}");
    }
}

#[tokio::test]
async fn changes_of_state_are_seen_at_once_and_kept() {
    let server = Server::start().await;
    let id = report(&server, 1, |_| ()).await;
    until_counted(&server, 1).await;
    let path = format!("{}{ISSUES}/{id}", server.api);
    let patch = async |body: Value| server.client.patch(&path).json(&body).send().await.unwrap();

    let issue = answer(
        patch(json!({"status": "VERIFYING", "note": "on it", "actor": "alice"})).await,
        StatusCode::OK,
    )
    .await;
    assert_eq!(issue["status"], "VERIFYING");
    assert_eq!(lines(&server.json(&format!("{ISSUES}?status=VERIFYING")).await), [1]);
    assert_eq!(lines(&server.json(&format!("{ISSUES}?status=NEW")).await), [0; 0]);
    let refused = answer(patch(json!({"status": "DEPLOYED"})).await, StatusCode::CONFLICT).await;
    assert_eq!(refused["error"]["allowed"], json!(["PENDING_FIX", "CANNOT_REPRODUCE"]));
    answer(patch(json!({"status": "PENDING_FIX", "actor": null})).await, StatusCode::OK).await;
    answer(patch(json!({"status": "FIXING"})).await, StatusCode::OK).await;

    let list = format!("{ISSUES}/{id}/history?limit=2");
    let first = server.json(&list).await;
    let rest = server.json(&format!("{list}&cursor={}", first["next_cursor"].as_str().unwrap())).await;
    assert_eq!(rest["next_cursor"], Value::Null);
    let items = [&first, &rest].map(|page| page["items"].as_array().unwrap().clone()).concat();
    let told: Vec<_> = items
        .iter()
        .map(|item| ["from", "to", "actor", "note"].map(|key| item[key].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ["NEW", "VERIFYING", "alice", "on it"],
            ["VERIFYING", "PENDING_FIX", "anonymous", ""],
            ["PENDING_FIX", "FIXING", "anonymous", ""],
        ]
    );
}

#[tokio::test]
async fn bad_changes_are_refused() {
    let server = Server::start().await;
    let id = report(&server, 1, |_| ()).await;
    until_counted(&server, 1).await;
    let long = "n".repeat(4097);
    let cases: Vec<(String, u16, &str, Value)> = vec![
        ("{".into(), 400, "malformed_json", Value::Null),
        ("\u{1}".into(), 400, "malformed_json", Value::Null),
        ("[]".into(), 422, "wrong_type", Value::Null),
        ("{}".into(), 422, "missing_field", json!("status")),
        (json!({"status": null}).to_string(), 422, "missing_field", json!("status")),
        (json!({"status": 1}).to_string(), 422, "wrong_type", json!("status")),
        (json!({"status": "verifying"}).to_string(), 422, "invalid_value", json!("status")),
        (json!({"status": "VERIFYING", "note": {}}).to_string(), 422, "wrong_type", json!("note")),
        (json!({"status": "VERIFYING", "note": long}).to_string(), 422, "invalid_value", json!("note")),
        (json!({"status": "VERIFYING", "actor": long}).to_string(), 422, "invalid_value", json!("actor")),
        (
            json!({"status": "VERIFYING", "actor": " regression "}).to_string(),
            422,
            "invalid_value",
            json!("actor"),
        ),
        (
            json!({"status": "VERIFYING", "note": "n".repeat(70_000)}).to_string(),
            413,
            "too_large",
            Value::Null,
        ),
        ("[".repeat(10_000), 400, "malformed_json", Value::Null),
    ];
    let send = async |id: u64, content_type: &str, body: String| {
        let request =
            server.client.patch(format!("{}{ISSUES}/{id}", server.api)).header("Content-Type", content_type);
        request.body(body).send().await.unwrap()
    };
    for (body, status, code, field) in cases {
        let start: String = body.chars().take(80).collect();
        let response = send(id, "application/json", body).await;
        assert_eq!(response.status().as_u16(), status, "{start}");
        let answered: Value = response.json().await.unwrap();
        assert_eq!(answered["error"]["code"], code, "{start}");
        assert_eq!(answered["error"].get("field").cloned().unwrap_or_default(), field, "{start}");
    }
    let good = json!({"status": "VERIFYING"}).to_string();
    let response = send(id, "application/xml", good.clone()).await;
    assert_eq!(
        answer(response, StatusCode::UNSUPPORTED_MEDIA_TYPE).await["error"]["code"],
        "unsupported_media_type"
    );
    let response = send(1, "application/json", good).await;
    assert_eq!(answer(response, StatusCode::NOT_FOUND).await["error"]["code"], "not_found");
    assert_eq!(server.json(&format!("{ISSUES}/{id}")).await["status"], "NEW");
}
