//! Parameters of URLs, on every path: what is documented is what is read.

use crate::harness::{Server, a_report, answer, now_ms};
use log_center_wire::UnixMillis;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Every GET of the document: its path with ids filled in, and the names of its parameters in the query.
fn reads(document: &Value) -> Vec<(String, BTreeSet<String>)> {
    let mut reads = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let Some(operation) = item.get("get") else { continue };
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let of_query = parameters.filter(|parameter| parameter["in"] == "query");
        let names = of_query.map(|parameter| parameter["name"].as_str().unwrap().to_owned());
        reads.push((
            path.replace("events/{id}", "events/1-1-0").replace("{id}", "1").replace("{req_id}", "r1"),
            names.collect(),
        ));
    }
    reads
}

async fn document(server: &Server) -> Value {
    server.json("/api/openapi.json").await
}

async fn refused(server: &Server, url: &str) -> (String, String) {
    let response = server.get(url).send().await.unwrap();
    let error = answer(response, StatusCode::UNPROCESSABLE_ENTITY).await["error"].clone();
    (error["field"].as_str().unwrap().to_owned(), error["message"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn ids_of_operations_are_unique() {
    let server = Server::start().await;
    let document = document(&server).await;
    let items = document["paths"].as_object().unwrap().values();
    let operations = items.flat_map(|item| item.as_object().unwrap().values());
    let ids: Vec<_> = operations.map(|operation| operation["operationId"].as_str().unwrap()).collect();
    assert!(ids.len() > 10, "{ids:?}");
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
}

#[tokio::test]
async fn what_is_documented_is_what_is_read() {
    let server = Server::start().await;
    let reads = reads(&document(&server).await);
    assert!(reads.len() >= 12, "{reads:?}");
    for (path, names) in &reads {
        let (field, message) = refused(&server, &format!("{path}?colour=red")).await;
        assert_eq!(field, "colour", "{path}");
        let read: Vec<_> =
            message.rsplit("which has ").next().unwrap().split(", ").map(str::to_owned).collect();
        let read: BTreeSet<_> = read.into_iter().filter(|name: &String| name != "none").collect();
        assert_eq!(read, *names, "{path}");
        // Each is read once; one without a value is not there.
        for name in names.iter().filter(|name| *name != "status") {
            let (field, _) = refused(&server, &format!("{path}?{name}=a&{name}=b")).await;
            assert_eq!(field, *name, "{path}");
            let empty = server.get(&format!("{path}?{name}=")).send().await.unwrap().status();
            assert_ne!(empty, StatusCode::UNPROCESSABLE_ENTITY, "{path}?{name}=");
        }
    }
}

#[tokio::test]
async fn a_time_that_begins_after_its_end_is_refused_everywhere() {
    let server = Server::start().await;
    let with_time = reads(&document(&server).await).into_iter().filter(|(_, names)| names.contains("until"));
    let mut paths = 0;
    for (path, names) in with_time {
        assert!(names.contains("since"), "{path}");
        for query in [
            "since=1h&until=2h",
            "since=0s&until=1s",
            "until=2026-01-30T10:00:00Z&since=2026-01-30T10:00:00.001Z",
            "since=2026-01-30T10:00:00%2B01:00&until=2026-01-30T10:00:00%2B02:00",
            "since=2026-01-30&until=2025-01-30",
        ] {
            let (field, message) = refused(&server, &format!("{path}?{query}")).await;
            assert_eq!((&*field, &*message), ("since", "since must not be after until"), "{path}?{query}");
        }
        for (query, name) in [
            ("since=2026-11-27T08:00:00%5BEurope/Berlin%5D", "since"),
            ("until=2026-11-27T08:00:00%2B01:00%5BEurope/Berlin%5D", "until"),
            ("since=2026-11-27T08:00:00Z%5BUTC%5D", "since"),
            ("until=2026-11-27%5Bu-ca=gregory%5D", "until"),
            ("since=yesterday", "since"),
            ("until=-5h", "until"),
        ] {
            assert_eq!(refused(&server, &format!("{path}?{query}")).await.0, name, "{path}?{query}");
        }
        // Nothing is between a time and itself.
        server.json(&format!("{path}?since=1h&until=1h")).await;
        paths += 1;
    }
    assert!(paths >= 8, "{paths}");
}

/// Some of two projects: a request with a call, a sample, an issue.
async fn fill(server: &Server) {
    let at = UnixMillis(now_ms() - 60_000).to_string();
    let mut records = Vec::new();
    for (name, environment) in [("shop", "production"), ("pay", "production"), ("shop", "staging")] {
        let record = |more: Value| {
            let mut record = json!({"name": name, "hostname": "h", "pid": 1, "level": 30, "time": at, "msg": "m",
                "environment": environment});
            record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            record.to_string()
        };
        let id = format!("{name}-{environment}");
        let call = json!({"service_req": {"host": "h", "path": "/"}, "service_res": {"tm": 1.0}});
        let mut ended = json!({"scope": "visit", "event": "service-end", "req_id": id});
        ended.as_object_mut().unwrap().extend(call.as_object().unwrap().clone());
        records.push(record(ended));
        records.push(record(
            json!({"scope": "visit", "event": "client-res", "req_id": id, "tm": 5.0, "extra": "status=200"}),
        ));
        records.push(record(json!({"scope": "stat", "perf": {"rss": 1000, "cpu": 1.0}})));
        let mut report = a_report(1);
        report["project_id"] = name.into();
        report["environment"] = environment.into();
        server.report(&report).await;
    }
    let kept = server.post("/api/v1/events").body(records.join("\n")).send().await.unwrap();
    assert_eq!(answer(kept, StatusCode::OK).await["accepted"], records.len());
    server.sql_becomes("SELECT sum(count) FROM event_counts", "12").await;
    server.sql_becomes("SELECT count() FROM issues", "2").await;
}

#[tokio::test]
async fn a_project_is_filtered_by_each_of_its_names_everywhere() {
    let server = Server::start().await;
    fill(&server).await;
    let of_scope =
        reads(&document(&server).await).into_iter().filter(|(_, names)| names.contains("environment"));
    let mut paths = 0;
    for (path, names) in of_scope.filter(|(path, _)| !path.ends_with("/tail")) {
        let ask = async |query: &str| server.json(&format!("{path}?{query}")).await;
        let [all, shop, pay] = [ask("").await, ask("project=shop").await, ask("project=pay").await];
        assert!(shop != all && pay != all && shop != pay, "{path}: {shop}");
        for name in ["project_id", "service"] {
            assert!(names.contains(name), "{path}");
            assert_eq!(ask(&format!("{name}=shop")).await, shop, "{path}");
            assert_eq!(ask(&format!("{name}=pay&project=pay")).await, pay, "{path}");
            assert_eq!(refused(&server, &format!("{path}?project=pay&{name}=shop")).await.0, name, "{path}");
            let long = "p".repeat(129);
            assert_eq!(refused(&server, &format!("{path}?{name}={long}")).await.0, name, "{path}");
        }
        let [staging, upper] = [ask("environment=staging").await, ask("environment=STAGING").await];
        assert!(staging == upper && staging != all, "{path}: {staging}");
        let nobody = ask("project_id=nobody").await;
        assert!(nobody != all && nobody != shop, "{path}: {nobody}");
        paths += 1;
    }
    assert!(paths >= 9, "{paths}");
    for (query, count) in
        [("project=shop", 8), ("project_id=pay", 4), ("service=shop&environment=staging&q=level:info", 3)]
    {
        let found = server.json(&format!("/api/v1/events?{query}")).await;
        assert_eq!(found["items"].as_array().unwrap().len(), count, "{query}");
    }
}

/// A level between two of bunyan's counts as the lower one.
#[tokio::test]
async fn levels_between_two_names_count_as_the_lower_one() {
    let server = Server::start().await;
    let at = now_ms() / 900_000 * 900_000 - 3 * 3_600_000;
    let levels = [5, 10, 15, 20, 29, 30, 35, 40, 45, 49, 50, 55, 59, 60, 65, 255];
    let records = levels.map(|level| {
        json!({"name": "p", "hostname": "h", "pid": 1, "level": level, "time": UnixMillis(at).to_string(), "msg": "m",
            "err": {"type": format!("E{level}"), "msg": "m", "stack": "", "file_path": "f", "line_number": 1}})
        .to_string()
    });
    let kept = server.post("/api/v1/events").body(records.join("\n")).send().await.unwrap();
    assert_eq!(answer(kept, StatusCode::OK).await["accepted"], levels.len());
    server.sql_becomes("SELECT sum(count) FROM event_counts", &levels.len().to_string()).await;
    let expected = [(10, 3), (20, 2), (30, 2), (40, 3), (50, 3), (60, 3)];
    // From what is counted already, and from the events.
    for more in ["since=6h", "since=6h&q=-req_id:nobody"] {
        let facets = server.json(&format!("/api/v1/events/facets?fields=level&{more}")).await;
        let mut found: Vec<_> = facets["level"]
            .as_array()
            .unwrap()
            .iter()
            .map(|value| {
                (value["value"].as_str().unwrap().parse().unwrap(), value["count"].as_u64().unwrap())
            })
            .collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{more}");
        let histogram = server.json(&format!("/api/v1/events/histogram?step_seconds=900&{more}")).await;
        let found: Vec<_> = histogram["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| (item["level"].as_u64().unwrap(), item["count"].as_u64().unwrap()))
            .collect();
        assert_eq!(found, expected, "{more}");
    }
    // Of issues the latest level decides; those below ERROR are none.
    for (word, expected) in [("ERROR", 3), ("CRITICAL", 3), ("50", 3), ("55", 3), ("65", 3), ("WARNING", 0)] {
        let issues = server.json(&format!("/api/v1/issues?level={word}")).await;
        assert_eq!(issues["items"].as_array().unwrap().len(), expected, "{word}");
    }
}

/// What clocks that are ahead date after now is in neither figure of the last 24 hours.
#[tokio::test]
async fn events_of_tomorrow_are_in_no_figure_of_today() {
    let server = Server::start().await;
    let hour = 3_600_000;
    let ahead = [20 * hour, 10 * hour, hour, -hour, -2 * hour, -23 * hour];
    let records = ahead.map(|ahead| {
        json!({"name": "p", "hostname": "h", "pid": 1, "level": 50, "time": UnixMillis(now_ms() + ahead).to_string(), "msg": "m"}).to_string()
    });
    let kept = server.post("/api/v1/events").body(records.join("\n")).send().await.unwrap();
    assert_eq!(answer(kept, StatusCode::OK).await["accepted"], 6);
    server.sql_becomes("SELECT sum(count) FROM event_counts", "6").await;
    let projects = server.json("/api/v1/projects").await;
    let overview = server.json("/api/v1/stats/overview").await;
    assert_eq!(
        (&projects["items"][0]["events_24h"], &projects["items"][0]["errors_24h"]),
        (&json!(3), &json!(3))
    );
    assert_eq!((&overview["total"]["events"], &overview["total"]["errors"]), (&json!(3), &json!(3)));
    // Who asks for tomorrow gets it.
    let until = UnixMillis(now_ms() + 24 * hour).to_string();
    let all = server.json(&format!("/api/v1/stats/overview?since=24h&until={until}")).await;
    assert_eq!(all["total"]["events"], 6);
}
