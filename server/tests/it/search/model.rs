//! Random searches over a generated set of events, against a count of our own.
//!
//! ```text
//! seed ─▶ events ─▶ sent ─▶ ClickHouse ─▶ pages, facets, histogram ─┐
//!            └──▶ searches: as text ─────────────▶ ┘                ├─▶ must be equal
//!                     └─ evaluated here, event by event ────────────┘
//! ```
//! Nothing here uses the server's own reading of a search: a search is made as a tree, printed, and the tree is evaluated.
//! `LOG_CENTER_SEARCH_EVENTS`, `LOG_CENTER_SEARCHES` and `LOG_CENTER_SEARCH_SEED` ask for more or for another set.

mod event;
mod query;

use crate::harness::{Server, answer, now_ms};
use event::{Event, Generator};
use futures_util::StreamExt as _;
use log_center_wire::UnixMillis;
use query::Asker;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How many events, how many searches, and what makes them.
const EVENTS: u64 = 3_000;
const SEARCHES: u64 = 60;
const SEED: u64 = 20_261_127;

/// Searches that are under way at the same time.
const AT_ONCE: usize = 4;

/// Pages of a search that are compared, the first ones; all of them, with the usual number of events.
const PAGES: usize = 8;
const PAGE_ITEMS: usize = 500;

/// Records in a batch.
const BATCH: usize = 5_000;

const HOUR_MS: i64 = 60 * 60 * 1000;
const FACETS: [&str; 12] = [
    "level",
    "service",
    "environment",
    "version",
    "scope",
    "event",
    "state",
    "msg",
    "status",
    "err.type",
    "uid",
    "service_res.http_code",
];

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap())
}

#[tokio::test]
async fn random_searches_agree_with_an_independent_count() {
    let server = Server::start().await;
    let seed = setting("LOG_CENTER_SEARCH_SEED", SEED);
    let count = setting("LOG_CENTER_SEARCH_EVENTS", EVENTS);
    // The events lie in three days, so that there are several partitions and whole quarters of an hour.
    let end = now_ms() / HOUR_MS * HOUR_MS - HOUR_MS;
    let mut generator = Generator::new(seed, end - 60 * HOUR_MS, end);
    let events: Vec<Event> = (0..count).map(|number| generator.event(number)).collect();
    send(&server, &events).await;

    let mut asker = Asker::new(seed, end - 60 * HOUR_MS, end);
    let searches: Vec<Search> = (0..setting("LOG_CENTER_SEARCHES", SEARCHES))
        .map(|_| {
            let query = asker.query(&events);
            let mut text = String::new();
            asker.print(&query, &mut text);
            let window = asker.window();
            let facets = [asker.pick(&FACETS), asker.pick(&FACETS)];
            let step_ms = asker.pick(&[60_000, 900_000, 3_600_000]);
            Search { query, text, window, facets, step_ms }
        })
        .collect();
    let (mut empty, mut all) = (0, 0);
    for search in &searches {
        let found = events.iter().filter(|event| search.query.finds(event)).count();
        empty += usize::from(found == 0);
        all += usize::from(found == events.len());
    }
    // Searches that find nothing or everything prove little.
    assert!(
        empty + all < searches.len() / 2,
        "{empty} find nothing and {all} everything of {}",
        searches.len()
    );
    let failures: Vec<String> = futures_util::stream::iter(&searches)
        .map(|search| search.compare(&server, &events))
        .buffer_unordered(AT_ONCE)
        .filter_map(async |failure| failure)
        .collect()
        .await;
    assert!(failures.is_empty(), "seed {seed}: {} searches differ:\n{}", failures.len(), failures.join("\n"));
}

async fn send(server: &Server, events: &[Event]) {
    let (reports, records): (Vec<&Event>, Vec<&Event>) = events.iter().partition(|event| event.is_report);
    for batch in records.chunks(BATCH) {
        let body: Vec<&str> = batch.iter().map(|event| event.json.as_str()).collect();
        let kept = server.post("/api/v1/events").body(body.join("\n")).send().await.unwrap();
        let kept = answer(kept, StatusCode::OK).await;
        assert_eq!(kept["accepted"], batch.len(), "{}", kept["rejected"]);
    }
    for report in reports {
        let sent = server.post("/api/v1/logs/report").body(report.json.clone()).send().await.unwrap();
        answer(sent, StatusCode::OK).await;
    }
    for counted in ["SELECT count() FROM events", "SELECT sum(count) FROM event_counts"] {
        server.sql_becomes(counted, &events.len().to_string()).await;
    }
}

struct Search {
    query: query::Query,
    text: String,
    /// From and before which time.
    window: (i64, i64),
    facets: [&'static str; 2],
    step_ms: i64,
}

impl Search {
    /// What differs.
    async fn compare(&self, server: &Server, events: &[Event]) -> Option<String> {
        let (since, until) = self.window;
        let mut expected: Vec<&Event> = events
            .iter()
            .filter(|event| (since..until).contains(&event.time) && self.query.finds(event))
            .collect();
        expected.sort_by_key(|event| std::cmp::Reverse((event.time, event.number)));
        let mut differences = Vec::new();
        differences.extend(self.compare_pages(server, &expected).await);
        differences.extend(self.compare_facets(server, &expected).await);
        differences.extend(self.compare_histogram(server, &expected).await);
        let (since, until) = (UnixMillis(since), UnixMillis(until));
        (!differences.is_empty())
            .then(|| format!("{}   [{since} to {until}]\n    {}", self.text, differences.join("\n    ")))
    }

    async fn ask(&self, server: &Server, path: &str, more: &[(&str, &str)]) -> Result<Value, String> {
        let (since, until) = (UnixMillis(self.window.0).to_string(), UnixMillis(self.window.1).to_string());
        let request = server
            .get(&format!("/api/v1/events{path}"))
            .query(&[("q", self.text.as_str()), ("since", &since), ("until", &until)])
            .query(more);
        let response = request.send().await.map_err(|error| error.to_string())?;
        let status = response.status();
        let text = response.text().await.map_err(|error| error.to_string())?;
        if status != StatusCode::OK {
            return Err(format!("{status}: {text}"));
        }
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }

    async fn compare_pages(&self, server: &Server, expected: &[&Event]) -> Option<String> {
        let (mut found, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
        let is_whole = loop {
            let limit = PAGE_ITEMS.to_string();
            let page = match self.ask(server, "", &[("limit", &limit), ("cursor", &cursor)]).await {
                Ok(page) => page,
                Err(error) => return Some(error),
            };
            let items = page["items"].as_array().unwrap().iter();
            found.extend(items.map(|item| {
                let time = UnixMillis::parse(item["time"].as_str().unwrap()).unwrap().0;
                (time, item["attributes"]["n"].as_u64().unwrap())
            }));
            pages += 1;
            match page["next_cursor"].as_str() {
                Some(next) if pages < PAGES => next.clone_into(&mut cursor),
                next => break next.is_none(),
            }
        };
        if !found.is_sorted_by(|a, b| a.0 >= b.0) {
            return Some("is not in the order of time".to_owned());
        }
        let mut expected: Vec<(i64, u64)> = expected.iter().map(|event| (event.time, event.number)).collect();
        if !is_whole && expected.len() > found.len() {
            // Events of one millisecond have an order of their own: those of the last one seen may be others.
            let last = found.last()?.0;
            expected.truncate(found.len());
            expected.retain(|event| event.0 > last);
            found.retain(|event| event.0 > last);
        }
        found.sort_unstable();
        expected.sort_unstable();
        difference(&found, &expected)
    }

    async fn compare_facets(&self, server: &Server, expected: &[&Event]) -> Option<String> {
        let answer =
            self.ask(server, "/facets", &[("fields", &self.facets.join(",")), ("limit", "500")]).await;
        let mut all = serde_json::Map::new();
        for field in self.facets {
            let mut counts: BTreeMap<String, u64> = BTreeMap::new();
            for event in expected {
                *counts.entry(event.facet(field)).or_default() += 1;
            }
            let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
            counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            let values = counts.into_iter().map(|(value, count)| json!({"value": value, "count": count}));
            all.insert(field.to_owned(), values.take(500).collect());
        }
        self.differs("facets", answer, Value::Object(all))
    }

    async fn compare_histogram(&self, server: &Server, expected: &[&Event]) -> Option<String> {
        let step_seconds = (self.step_ms / 1000).to_string();
        let answer = self.ask(server, "/histogram", &[("step_seconds", &step_seconds)]).await;
        if (self.window.1 - self.window.0) / self.step_ms > 2_900 {
            return answer.is_ok().then(|| "has too many steps, and is answered".to_owned());
        }
        let mut counts: BTreeMap<(i64, u8), u64> = BTreeMap::new();
        for event in expected {
            let start = event.time.div_euclid(self.step_ms) * self.step_ms;
            *counts.entry((start, event.counted_level())).or_default() += 1;
        }
        let item = |((start, level), count): ((i64, u8), u64)| json!({"start": UnixMillis(start).to_string(), "level": level, "count": count});
        let items: Vec<Value> = counts.into_iter().map(item).collect();
        self.differs("histogram", answer, json!({"step_ms": self.step_ms, "items": items}))
    }

    fn differs(&self, what: &str, answer: Result<Value, String>, expected: Value) -> Option<String> {
        match answer {
            Err(error) => Some(format!("{what}: {error}")),
            Ok(found) if found == expected => None,
            Ok(found) => Some(format!("{what}: {found}, not {expected}")),
        }
    }
}

/// The first few that are only in one of two sorted lists.
fn difference(found: &[(i64, u64)], expected: &[(i64, u64)]) -> Option<String> {
    if found == expected {
        return None;
    }
    let only = |these: &[(i64, u64)], those: &[(i64, u64)]| -> Vec<u64> {
        let is_missing = |event: &&(i64, u64)| those.binary_search(event).is_err();
        these.iter().filter(is_missing).map(|event| event.1).take(5).collect()
    };
    Some(format!(
        "finds {} and not {}; too much: {:?}, missing: {:?}",
        found.len(),
        expected.len(),
        only(found, expected),
        only(expected, found)
    ))
}
