//! The OpenAPI document and the page that shows it.

use crate::harness::Server;
use serde_json::Value;
use std::collections::BTreeSet;

#[tokio::test]
async fn document_is_the_one_on_record() {
    let server = Server::start().await;
    let mut document = server.json("/api/openapi.json").await;
    // Moves with every release.
    document["info"]["version"] = Value::from("[version]");
    insta::assert_snapshot!("openapi", serde_json::to_string_pretty(&document).unwrap());
}

#[tokio::test]
async fn document_refers_only_to_what_it_holds() {
    let server = Server::start().await;
    let document = server.json("/api/openapi.json").await;
    let mut names = BTreeSet::new();
    collect_references(&document, &mut names);
    assert!(!names.is_empty());
    for name in names {
        assert!(document.pointer(name.trim_start_matches('#')).is_some(), "{name}");
    }
    let paths: Vec<_> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    for path in ["/api/v1/logs/report", "/api/v1/events", "/api/v1/issues", "/api/v1/issues/{id}/history"] {
        assert!(paths.contains(&path), "{path} in {paths:?}");
    }
}

fn collect_references(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            names.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| collect_references(value, names));
        }
        Value::Array(items) => items.iter().for_each(|value| collect_references(value, names)),
        _ => {}
    }
}

#[tokio::test]
async fn docs_need_nothing_from_elsewhere() {
    let server = Server::start().await;
    let page = server.get("/docs").send().await.unwrap();
    assert!(page.status().is_success());
    let html = page.text().await.unwrap();
    let mut sources = Vec::new();
    for attribute in ["src=\"", "href=\""] {
        sources.extend(html.split(attribute).skip(1).filter_map(|rest| rest.split('"').next()));
    }
    assert!(!sources.is_empty(), "{html}");
    for source in sources {
        assert!(!source.contains("//"), "{source} is elsewhere");
        let file = source.trim_start_matches("./");
        let response = server.get(&format!("/docs/{file}")).send().await.unwrap();
        assert!(response.status().is_success(), "{source}");
    }
}
