//! What Grafana and its ClickHouse plugin make of a statement before ClickHouse sees it.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

/// The macros that dashboards may use.
pub const NAMES: &[&str] =
    &["__conditionalAll", "__timeFilter", "__timeInterval", "__fromTime", "__toTime", "__interval_s"];

/// What stands in a drop-down list.
pub enum Choice {
    All,
    Some(Vec<String>),
}

/// The last three hours, in steps of a minute.
const RANGE_SECONDS: u64 = 3 * 60 * 60;
const INTERVAL_SECONDS: u64 = 60;

/// The statement with its variables and macros replaced, in the plugin's order. A variable that is not chosen is "All".
pub fn expand(sql: &str, chosen: &BTreeMap<&str, Choice>) -> String {
    let mut sql = sql.to_owned();
    while let Some((before, arguments, after)) = last_call(&sql, "$__conditionalAll") {
        let (condition, variable) = arguments.rsplit_once(',').unwrap();
        let name = variable.trim().trim_start_matches('$').trim_matches(['{', '}']);
        let kept = match chosen.get(name).unwrap_or(&Choice::All) {
            Choice::All => "1=1".to_owned(),
            Choice::Some(values) => condition.replace(&format!("${{{name}:singlequote}}"), &quoted(values)),
        };
        sql = format!("{before}{kept}{after}");
    }
    let to = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 1;
    let (from, to) = (format!("toDateTime({})", to - RANGE_SECONDS), format!("toDateTime({to})"));
    while let Some((before, column, after)) = last_call(&sql, "$__timeFilter") {
        sql = format!("{before}{column} >= {from} AND {column} <= {to}{after}");
    }
    while let Some((before, column, after)) = last_call(&sql, "$__timeInterval") {
        sql = format!(
            "{before}toStartOfInterval(toDateTime({column}), INTERVAL {INTERVAL_SECONDS} second){after}"
        );
    }
    sql.replace("$__fromTime", &from)
        .replace("$__toTime", &to)
        .replace("$__interval_s", &INTERVAL_SECONDS.to_string())
}

/// As Grafana's format `singlequote`.
fn quoted(values: &[String]) -> String {
    let quoted: Vec<_> = values.iter().map(|value| format!("'{}'", value.replace('\'', "\\'"))).collect();
    quoted.join(",")
}

/// What stands before the last call of a macro, between its parentheses, and behind them.
fn last_call<'a>(sql: &'a str, name: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let start = sql.rfind(&format!("{name}("))?;
    let arguments = &sql[start + name.len() + 1..];
    let mut depth = 1;
    let end = arguments.find(|c| {
        depth += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        depth == 0
    });
    let end = end.unwrap_or_else(|| panic!("{name} is not closed: {sql}"));
    Some((&sql[..start], &arguments[..end], &arguments[end + 1..]))
}
