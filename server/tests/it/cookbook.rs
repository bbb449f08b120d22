//! The SQL cookbook: each of its statements runs, answers, and some answer what is known.

use crate::harness::{Server, shared_clickhouse};
use crate::shop;
use reqwest::StatusCode;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;

/// How a line of a statement begins that gives an example of a parameter: `-- param_name = value`.
const PARAMETER: &str = "-- param_";

/// A parameter whose example stands for the id of some request there is.
const A_REQUEST: &str = "01a1fed2-9f98-74e6-b46c-86defb11a18b";

/// What the shop's numbers come to: fields apart by a space, rows by a stroke; a space in a field is a tilde.
const KNOWN: &[(&str, &str)] = &[
    (
        "How is each service?",
        "shop 190 2.63 64.9 [24.2,227.2,248.2,268.2] | pay 40 12.5 110.5 [110.5,110.5,110.5,110.5]",
    ),
    (
        "How are those that we call?",
        "pay bank.example /v2/charges 40 12.5 [77,88,88,88] | shop stock.internal /stock/{id} 40 0 [8.5,8.5,8.5,8.5]",
    ),
    (
        "Is the new release worse?",
        "/orders 1.4.0 32 6.25 217.8 262.3 | /orders 1.5.0 20 20 222.8 267.3 \
        | /orders/{id} 1.4.0 16 0 39.2 39.2 | /orders/{id} 1.5.0 10 0 39.2 39.2 \
        | /products 1.4.0 64 0 15.2 18.2 | /products 1.5.0 40 0 15.2 18.2 \
        | /products/{id} 1.4.0 48 0 24.2 30.2 | /products/{id} 1.5.0 30 0 24.8 30.2",
    ),
    ("How many get how far?", "1~viewed 28 | 2~filled~a~cart 16 | 3~ordered 16"),
    ("What does a key say?", "spring~sale 11 453.5"),
    (
        "How many bytes do we send?",
        "shop /products 80 47720 | shop /products/{id} 60 36000 | shop /orders 40 24100 \
        | shop /orders/{id} 20 12080 | pay /charges 40 3200",
    ),
    (
        "Who logs how much?",
        "shop 697 5 5 487 200 | pay 237 0 10 187 40 | stock 119 0 0 118 1 | rtc_backend 3 3 0 0 0",
    ),
];

struct Recipe {
    title: String,
    sql: String,
    parameters: Vec<(String, String)>,
}

/// The statements of the page, each with the heading above it.
fn recipes(page: &str) -> Vec<Recipe> {
    let (mut recipes, mut title) = (Vec::new(), "");
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(heading) = line.strip_prefix("### ") {
            title = heading;
        }
        if line != "```sql" {
            continue;
        }
        let sql: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        let parameters = sql.iter().filter_map(|line| line.strip_prefix(PARAMETER)?.split_once(" = "));
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        recipes.push(Recipe { title: title.to_owned(), sql: sql.join("\n"), parameters });
    }
    recipes
}

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/sql_cookbook.md");
    std::fs::read_to_string(path).unwrap()
}

impl Recipe {
    /// The status of the API's answer to the same, which says how it is written in a way of its own.
    async fn ask_api(&self, server: &Server) -> (StatusCode, String) {
        let query = self.sql.split("\nFORMAT ").next().unwrap();
        let parameters: BTreeMap<_, _> = self.parameters.iter().cloned().collect();
        let body = json!({"query": query, "parameters": parameters});
        let response = server.post("/api/v1/sql").json(&body).send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }

    /// The answer, asked for as an analyst would: as the user that can change nothing.
    async fn ask(&self, server: &Server) -> (StatusCode, Vec<u8>) {
        let mut request = server.client.post(&server.clickhouse).query(&[("database", &server.database)]);
        if shared_clickhouse().is_some() {
            request = request.basic_auth("default", Some(server.password()));
        } else {
            request = request.query(&[("user", "reader")]);
        }
        for (name, value) in &self.parameters {
            request = request.query(&[(format!("param_{name}"), value)]);
        }
        let response = request.body(self.sql.clone()).send().await.unwrap();
        let status = response.status();
        (status, response.bytes().await.unwrap().to_vec())
    }
}

#[tokio::test]
async fn every_statement_answers() {
    let server = Server::start().await;
    shop::fill(&server).await;
    let slowest =
        server.sql("SELECT req_id FROM requests WHERE url = '/orders' ORDER BY tm DESC LIMIT 1").await;
    let recipes = recipes(&page());
    assert!(recipes.len() >= 30, "{} statements", recipes.len());
    let mut failures = Vec::new();
    for mut recipe in recipes {
        for (_, value) in &mut recipe.parameters {
            if value == A_REQUEST {
                value.clone_from(&slowest);
            }
        }
        let (status, answer) = recipe.ask(&server).await;
        let text = String::from_utf8_lossy(&answer).trim_end().to_owned();
        let headed = text.starts_with("\"day\"");
        let (api_status, api_text) = recipe.ask_api(&server).await;
        if api_status != StatusCode::OK {
            failures.push(format!("{}, by the API: {api_text}", recipe.title));
        }
        if !status.is_success() {
            failures.push(format!("{}: {text}", recipe.title));
        } else if text.is_empty() || (headed && text.lines().count() < 2) {
            failures.push(format!("{}: no rows", recipe.title));
        }
        if let Some((_, expected)) = KNOWN.iter().find(|(title, _)| *title == recipe.title)
            && text != expected.replace(" | ", "\n").replace(' ', "\t").replace('~', " ")
        {
            failures.push(format!("{}: {text}", recipe.title));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// Who asks a view for a time or for one request does not read the rest.
#[tokio::test]
async fn bounds_of_views_reach_the_index() {
    let server = Server::start().await;
    shop::fill(&server).await;
    for view in ["events", "errors", "requests", "calls", "performance", "biz_events"] {
        let explain =
            format!("EXPLAIN indexes = 1 SELECT * FROM {view} WHERE time >= now() - INTERVAL 1 DAY");
        let plan = server.sql(&explain).await;
        assert!(plan.contains("Min-Max") && plan.contains("Condition: (time in ["), "{view}: {plan}");
    }
    // That the index is asked, not what it answers: a bloom filter may take any value for a present one.
    for view in ["events", "errors", "requests", "calls", "biz_events"] {
        let explain = format!("EXPLAIN indexes = 1 SELECT * FROM {view} WHERE req_id = 'r'");
        let plan = server.sql(&explain).await;
        assert!(plan.contains("req_id_bloom"), "{view}: {plan}");
    }
}
