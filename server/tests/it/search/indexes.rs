//! Which terms reach an index of the events.

use crate::harness::Server;
use log_center_server::search::{Condition, Expression, Value};
use log_center_wire::UnixMillis;

/// How ClickHouse would read the events of a search.
async fn plan(server: &Server, q: &str) -> String {
    let condition = Condition::from(&Expression::parse(q, UnixMillis(0)).unwrap());
    let statement = format!("EXPLAIN indexes = 1 SELECT e.msg FROM event_store AS e WHERE {}", condition.sql);
    let parameters: Vec<(String, String)> = condition
        .values
        .iter()
        .enumerate()
        .map(|(number, value)| {
            let text = match value {
                Value::Text(text) => text.replace('\\', "\\\\"),
                Value::Number(number) => number.to_string(),
                Value::Whole(number) => number.to_string(),
                Value::Millis(ms) => ms.to_string(),
            };
            (format!("param_q{number}"), text)
        })
        .collect();
    let request = server.client.post(&server.clickhouse).basic_auth("default", Some(server.password()));
    let request = request.query(&[("database", &server.database)]).query(&parameters).body(statement);
    let response = request.send().await.unwrap();
    let status = response.status();
    let plan = response.text().await.unwrap();
    assert!(status.is_success(), "{q}: {plan}");
    plan
}

#[tokio::test]
async fn whole_values_reach_the_indexes() {
    let server = Server::start().await;
    for number in 0..3 {
        server
            .sql(&format!(
                "INSERT INTO event_store (batch, received_at, time, project, req_id, issue_id) SELECT {number}, now64(3), \
                 now64(3) - INTERVAL {number} DAY, 'p{number}', 'r{number}', {number} FROM numbers(10)"
            ))
            .await;
    }
    for (q, index) in [
        ("req_id:r1", "Name: req_id_bloom"),
        ("req_id:(r1 OR r2)", "Name: req_id_bloom"),
        ("req_id:r1 attributes.order:A7 -level:error", "Name: req_id_bloom"),
        ("service:p1", "Name: project_set"),
        ("service:(p1 OR p2)", "Name: project_set"),
        ("service:p1 bank extra.code:>5 msg:x*", "Name: project_set"),
        ("issue:1", "Name: issue_id_bloom"),
        ("issue:1 state:error", "Name: issue_id_bloom"),
        ("time:>2020-01-01T00:00:00Z", "Name: time_minmax"),
        ("time:[2020-01-01 TO 2020-01-03] (service:p1 OR bank)", "Name: time_minmax"),
    ] {
        let plan = plan(&server, q).await;
        assert!(plan.contains(index), "{q}: {plan}");
    }
    // The documentation says of these that they reach none.
    for q in ["bank", "attributes.order:A7", "extra.code:5", "uid:u1"] {
        let plan = plan(&server, q).await;
        for index in ["req_id_bloom", "issue_id_bloom", "project_set", "time_minmax"] {
            assert!(!plan.contains(&format!("Name: {index}")), "{q}: {plan}");
        }
    }
}
