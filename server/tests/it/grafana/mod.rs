//! Grafana's dashboards: what they ask is answered, and Grafana will find nothing missing in them.

mod macros;

use crate::harness::{Server, shared_clickhouse};
use crate::shop;
use macros::{Choice, expand};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

/// What Grafana itself puts into the address of a link.
const OF_GRAFANA: &[&str] = &["__data", "__value", "__url_time_range"];

/// Columns of a dashboard.
const GRID_COLUMNS: u64 = 24;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../dashboards/grafana")
}

/// Name of the file without its ending, and what is in it.
fn dashboards() -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder().join("dashboards")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        all.push((name, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"))));
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Every statement of a dashboard with where it stands.
fn statements(dashboard: &Value) -> Vec<(String, &str, &Value)> {
    let panels = list(dashboard, "/panels").iter().flat_map(|panel| {
        let of = move |target| (format!("panel {}", text(panel, "/title")), text(target, "/rawSql"), panel);
        list(panel, "/targets").iter().map(of)
    });
    let variables =
        list(dashboard, "/templating/list").iter().filter(|variable| text(variable, "/type") == "query");
    let variables =
        variables.map(|v| (format!("variable {}", text(v, "/name")), text(v, "/query/rawSql"), v));
    let annotations = list(dashboard, "/annotations/list").iter().filter(|a| a.get("target").is_some());
    let annotations =
        annotations.map(|a| (format!("annotation {}", text(a, "/name")), text(a, "/target/rawSql"), a));
    panels.chain(variables).chain(annotations).collect()
}

/// What Go's client, which the plugin is made with, calls itself.
const PROTOCOL: &str = "54460";

/// As the plugin asks: its user, its time limit, its protocol.
async fn post(server: &Server, place: &str, sql: &str, format: &str) -> Vec<u8> {
    let mut request = server.client.post(&server.clickhouse).query(&[
        ("database", server.database.as_str()),
        ("default_format", format),
        ("client_protocol_version", PROTOCOL),
        ("max_execution_time", "55"),
    ]);
    if shared_clickhouse().is_some() {
        request = request.basic_auth("default", Some(server.password()));
    } else {
        request = request.query(&[("user", "reader")]);
    }
    let response = request.body(sql.to_owned()).send().await.unwrap();
    let status = response.status();
    let answer = response.bytes().await.unwrap().to_vec();
    assert!(status.is_success(), "{place}: {}\n{sql}", String::from_utf8_lossy(&answer));
    answer
}

/// Names and types of the columns, and how many rows.
async fn ask(server: &Server, place: &str, sql: &str) -> (BTreeMap<String, String>, usize) {
    // What the plugin reads. It begins with the description of a block.
    let native = post(server, place, sql, "Native").await;
    assert!(native.starts_with(&[1, 0, 2]), "{place}: {native:?}");
    let answer = post(server, place, sql, "JSONCompactEachRowWithNamesAndTypes").await;
    let answer = String::from_utf8(answer).unwrap();
    let mut lines = answer.lines().map(|line| serde_json::from_str::<Vec<Value>>(line).unwrap());
    let (names, types) = (lines.next().unwrap(), lines.next().unwrap());
    let columns = names.iter().zip(&types).map(|(name, of)| (text(name, ""), text(of, "")));
    (columns.map(|(name, of)| (name.to_owned(), of.to_owned())).collect(), lines.count())
}

#[tokio::test]
async fn every_panel_has_something_to_show() {
    let server = Server::start().await;
    shop::fill(&server).await;
    let some = |values: &[&str]| Choice::Some(values.iter().map(|value| (*value).to_owned()).collect());
    let narrow = BTreeMap::from([
        ("service", some(&["shop", "pay", "stock", "rtc_backend", "it's \\ odd"])),
        ("environment", some(&["production"])),
        ("route", some(&["/orders", "/charges"])),
        ("host", some(&["shop-1", "pay-1"])),
    ]);
    let mut asked = 0;
    for (name, dashboard) in dashboards() {
        for (place, sql, owner) in statements(&dashboard) {
            for chosen in [&BTreeMap::new(), &narrow] {
                let place = format!("{name}, {place}");
                let (columns, rows) = ask(&server, &place, &expand(sql, chosen)).await;
                assert!(rows > 0, "{place}: no rows\n{sql}");
                let nested = columns.values().find(|of| of.starts_with(['M', 'A', 'T']));
                assert_eq!(nested, None, "{place}: Grafana shows no arrays, maps and tuples");
                match text(owner, "/type") {
                    "timeseries" => assert!(columns["time"].starts_with("DateTime"), "{place}: {columns:?}"),
                    "table" => check_columns(&place, owner, &columns),
                    _ => {}
                }
                asked += 1;
            }
        }
    }
    assert!(asked > 100, "{asked} statements");
}

/// What the panel says of its columns fits those that come.
#[track_caller]
fn check_columns(place: &str, panel: &Value, columns: &BTreeMap<String, String>) {
    for each in list(panel, "/fieldConfig/overrides") {
        let wanted = text(each, "/matcher/options");
        for name in wanted.split('|') {
            assert!(columns.contains_key(name), "{place}: there is no column {name}");
        }
        for address in addresses(each) {
            let fields = address.split("${__data.fields.").skip(1);
            for field in fields.filter_map(|rest| rest.split(['}', ':']).next()) {
                assert!(columns.contains_key(field), "{place}: there is no field {field} for {address}");
            }
        }
    }
}

/// Addresses of all links in a part of a dashboard.
fn addresses(part: &Value) -> Vec<&str> {
    match part {
        Value::Object(fields) => {
            let own = fields.get("url").and_then(Value::as_str);
            own.into_iter().chain(fields.values().flat_map(addresses)).collect()
        }
        Value::Array(items) => items.iter().flat_map(addresses).collect(),
        _ => Vec::new(),
    }
}

/// Names of the variables in a text: `$name`, `${name}`, `${name:format}`, `${name.field}`.
fn variables_in(text: &str) -> BTreeSet<&str> {
    let of =
        |rest: &'_ str| rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    let names = text.split('$').skip(1).map(|rest| rest.strip_prefix('{').unwrap_or(rest));
    names.map(|rest| &rest[..of(rest)]).collect()
}

#[test]
fn dashboards_are_sound() {
    let provisioned =
        std::fs::read_to_string(folder().join("provisioning/datasources/log_center.yaml")).unwrap();
    let source = provisioned.lines().find_map(|line| line.trim().strip_prefix("uid: ")).unwrap();
    let source = json!({"type": "grafana-clickhouse-datasource", "uid": source});
    let all = dashboards();
    let boards: HashSet<&str> = all.iter().map(|(_, dashboard)| text(dashboard, "/uid")).collect();
    assert_eq!((boards.len(), all.len()), (5, 5), "each dashboard has a uid of its own");
    for (name, dashboard) in &all {
        assert_eq!(text(dashboard, "/uid"), format!("log-center-{name}"));
        let variables: BTreeSet<&str> =
            list(dashboard, "/templating/list").iter().map(|variable| text(variable, "/name")).collect();
        for wanted in ["service", "environment"] {
            assert!(variables.contains(wanted), "{name}: there is no variable {wanted}");
        }
        for (place, sql, owner) in statements(dashboard) {
            assert_eq!(owner["datasource"], source, "{name}, {place}");
            assert!(!sql.is_empty(), "{name}, {place}: nothing is asked");
            for variable in variables_in(sql) {
                let known = variables.contains(variable) || macros::NAMES.contains(&variable);
                assert!(known, "{name}, {place}: nobody knows ${variable}");
            }
            // A table of the server's own may change; the views do not.
            assert!(!sql.replace("'event_store'", "").contains("_store"), "{name}, {place}: {sql}");
        }
        for address in addresses(dashboard) {
            for variable in variables_in(address) {
                let known = variables.contains(variable) || OF_GRAFANA.contains(&variable);
                assert!(known, "{name}: nobody knows ${variable} in {address}");
            }
            if let Some(rest) = address.strip_prefix("/d/") {
                let board = rest.split('?').next().unwrap();
                assert!(boards.contains(board), "{name}: there is no dashboard {board}");
            }
        }
        check_layout(name, list(dashboard, "/panels"));
    }
}

/// Panels have ids of their own, a place of their own, and say what they show and in which unit.
#[track_caller]
fn check_layout(name: &str, panels: &[Value]) {
    let (mut ids, mut taken) = (HashSet::new(), HashSet::new());
    for panel in panels {
        let title = text(panel, "/title");
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{name}: the id of {title} is not its own");
        assert!(!title.is_empty() && panel["description"].is_string(), "{name}: {panel}");
        if text(panel, "/type") != "table" {
            assert_ne!(text(panel, "/fieldConfig/defaults/unit"), "", "{name}: {title} has no unit");
        }
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
        assert!(w > 0 && h > 0 && x + w <= GRID_COLUMNS, "{name}: {title} does not fit");
        for cell in (x..x + w).flat_map(|column| (y..y + h).map(move |row| (column, row))) {
            assert!(taken.insert(cell), "{name}: {title} lies on another panel");
        }
    }
}
