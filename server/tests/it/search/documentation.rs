//! The page of the language, `docs/search.md`: what its examples find is what it says, and its fields are those that there are.

use crate::harness::{Server, answer, now_ms};
use log_center_server::search::field::FIELDS;
use log_center_wire::UnixMillis;
use reqwest::StatusCode;
use serde_json::Value;

/// The day of the records on the page.
const DAY: &str = "2026-01-30";

fn page() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/search.md");
    std::fs::read_to_string(path).unwrap()
}

/// The rows of all tables whose head begins with these cells.
fn rows(page: &str, head: &[&str]) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut is_inside = false;
    for line in page.lines() {
        let cells = line.strip_prefix('|').and_then(|line| line.strip_suffix('|'));
        let Some(cells) = cells else {
            is_inside = false;
            continue;
        };
        let cells: Vec<String> = cells.split('|').map(|cell| cell.trim().to_owned()).collect();
        if cells.starts_with(&head.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>()) {
            is_inside = true;
        } else if is_inside && !cells[0].starts_with("---") {
            rows.push(cells);
        }
    }
    rows
}

/// What stands between backticks.
fn code(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[tokio::test]
async fn examples_find_what_the_page_says() {
    let server = Server::start().await;
    // The records must not become too old to be kept: they are of yesterday.
    let yesterday = UnixMillis(now_ms() - 24 * 60 * 60 * 1000).to_string()[..DAY.len()].to_owned();
    let page = page().replace(DAY, &yesterday);
    let records = page.split("<!-- records -->\n```json\n").nth(1).unwrap().split("```").next().unwrap();
    let kept = server.post("/api/v1/events").body(records.to_owned()).send().await.unwrap();
    let count = records.lines().count();
    assert_eq!(answer(kept, StatusCode::OK).await["accepted"], count);
    server.sql_becomes("SELECT count() FROM events", &count.to_string()).await;

    let examples = rows(&page, &["search", "finds"]);
    assert!(examples.len() > 40, "{}", examples.len());
    let mut failures = Vec::new();
    for example in examples {
        for q in code(&example[0]) {
            let response = server.get("/api/v1/events?since=3d").query(&[("q", q)]).send().await.unwrap();
            let found = answer(response, StatusCode::OK).await;
            let mut pids: Vec<u64> =
                found["items"].as_array().unwrap().iter().map(|item| item["pid"].as_u64().unwrap()).collect();
            pids.sort_unstable();
            let found = match pids.len() {
                0 => "none".to_owned(),
                all if all == count => "all".to_owned(),
                _ => pids.iter().map(u64::to_string).collect::<Vec<_>>().join(", "),
            };
            if found != example[1] {
                failures.push(format!("{q} finds {found}, not {}", example[1]));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));

    for refused in rows(&page, &["search", "answer"]) {
        let q = code(&refused[0])[0];
        let response = server.get("/api/v1/events").query(&[("q", q)]).send().await.unwrap();
        let error = answer(response, StatusCode::UNPROCESSABLE_ENTITY).await;
        let message = error["error"]["message"].as_str().unwrap();
        assert!(message.contains(&refused[1]), "{q}: {message}");
    }

    // The values that are put in quotes are understood.
    let quoted = page.split("is put in quotes:").nth(1).unwrap().split("Limits:").next().unwrap();
    for q in code(quoted) {
        let response = server.get("/api/v1/events").query(&[("q", q)]).send().await.unwrap();
        assert_eq!(answer(response, StatusCode::OK).await["items"], Value::Array(Vec::new()), "{q}");
    }
}

#[test]
fn the_page_lists_the_fields() {
    let mut documented: Vec<(Vec<String>, bool)> = rows(&page(), &["field", "kind"])
        .iter()
        .map(|row| (code(&row[0]).into_iter().map(str::to_owned).collect(), row[1].ends_with("counted")))
        .collect();
    let mut known: Vec<(Vec<String>, bool)> = FIELDS
        .iter()
        .map(|field| {
            let names = std::iter::once(field.name).chain(field.aliases.iter().copied());
            (names.map(str::to_owned).collect(), field.is_countable())
        })
        .collect();
    // The page has them in the order in which people look for them.
    documented.sort_unstable();
    known.sort_unstable();
    assert_eq!(documented, known);
}
