//! Random spans, fields and values against a model of what `extra` must be.

use crate::json::{extra, written_by};
use proptest::prelude::*;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use tracing::field::{Value, debug, display};
use tracing::{Level, Span};

#[derive(Debug, Clone)]
enum Any {
    Text(String),
    Debug(String),
    Display(String),
    I64(i64),
    U64(u64),
    I128(i128),
    U128(u128),
    F64(f64),
    Bool(bool),
}

impl Any {
    fn value(&self) -> Box<dyn Value> {
        match self.clone() {
            Any::Text(text) => Box::new(text),
            Any::Debug(text) => Box::new(debug(text)),
            Any::Display(text) => Box::new(display(text)),
            Any::I64(number) => Box::new(number),
            Any::U64(number) => Box::new(number),
            Any::I128(number) => Box::new(number),
            Any::U128(number) => Box::new(number),
            Any::F64(number) => Box::new(number),
            Any::Bool(truth) => Box::new(truth),
        }
    }

    fn is_shown_as(&self, text: &str) -> bool {
        match self {
            Any::Text(own) | Any::Display(own) => own == text,
            Any::Debug(own) => format!("{own:?}") == text,
            Any::I64(number) => number.to_string() == text,
            Any::U64(number) => number.to_string() == text,
            Any::I128(number) => number.to_string() == text,
            Any::U128(number) => number.to_string() == text,
            Any::F64(number) if number.is_nan() => text == "NaN",
            Any::F64(number) => text.parse() == Ok(*number),
            Any::Bool(truth) => truth.to_string() == text,
        }
    }
}

fn any_value() -> impl Strategy<Value = Any> {
    let text = prop_oneof![".{0,40}", "[ -~]{0,40}", "[\\x00-\\x7f]{0,24}", "(?s).{0,40}"];
    let value = prop_oneof![
        4 => text.clone().prop_map(Any::Text),
        2 => text.clone().prop_map(Any::Debug),
        2 => text.prop_map(Any::Display),
        1 => any::<i64>().prop_map(Any::I64),
        1 => any::<u64>().prop_map(Any::U64),
        1 => any::<i128>().prop_map(Any::I128),
        1 => any::<u128>().prop_map(Any::U128),
        1 => proptest::num::f64::ANY.prop_map(Any::F64),
        1 => any::<bool>().prop_map(Any::Bool),
    ];
    value.boxed()
}

/// Names as people write them, as nobody should, and those of the contract.
const KEYS: [&str; 14] =
    ["k", "a b", "a=b", "a_b", "ключ", "q\"", "", "tab\t", "level", "msg", "time", "extra", "err", "error"];

/// How `extra` spells a key.
fn spelled(key: &str) -> String {
    let special = |c: char| c.is_ascii_control() || matches!(c, ' ' | '=' | '"' | '\\');
    if key.is_empty() { "_".to_owned() } else { key.replace(special, "_") }
}

/// One for each key. On the heap: proptest keeps the whole tree of ways to shrink them.
type Fields = Vec<Option<Any>>;

fn any_fields() -> impl Strategy<Value = Fields> {
    proptest::collection::vec(proptest::option::weighted(0.3, any_value()), KEYS.len())
}

#[derive(Debug, Clone)]
struct SpanPlan {
    fields: Fields,
    /// `Some` opens a request.
    request: Option<Fields>,
    late: Vec<(usize, Any)>,
}

fn any_span() -> impl Strategy<Value = SpanPlan> {
    let column = proptest::option::of(prop_oneof!["[!-~]{1,130}".prop_map(Any::Text), any_value()]);
    let request = proptest::option::of(proptest::collection::vec(column, 4));
    let late = proptest::collection::vec((0..KEYS.len(), any_value()), 0..4);
    (any_fields(), request, late).prop_map(|(fields, request, late)| SpanPlan { fields, request, late })
}

/// The macros want the names as literals.
macro_rules! with_keys {
    ($make:ident, $values:ident, [$($first:tt)*], [$($last:tt)*]) => {
        tracing::$make!(
            $($first)*
            "k" = $values[0], "a b" = $values[1], "a=b" = $values[2], "a_b" = $values[3], "ключ" = $values[4],
            "q\"" = $values[5], "" = $values[6], "tab\t" = $values[7], "level" = $values[8], "msg" = $values[9],
            "time" = $values[10], "extra" = $values[11], "err" = $values[12], "error" = $values[13]
            $($last)*
        )
    };
}

fn open(plan: &SpanPlan) -> Span {
    let values: Vec<Option<Box<dyn Value>>> =
        plan.fields.iter().map(|any| any.as_ref().map(Any::value)).collect();
    let Some(request) = &plan.request else {
        return with_keys!(info_span, values, ["plain",], []);
    };
    let of: Vec<Option<Box<dyn Value>>> = request.iter().map(|any| any.as_ref().map(Any::value)).collect();
    with_keys!(
        info_span,
        values,
        ["request", "req_id" = of[0], "uid" = of[1], "span_id" = of[2], "url" = of[3],],
        []
    )
}

fn log(level: Level, fields: &[Option<Any>], msg: &str) {
    let values: Vec<Option<Box<dyn Value>>> = fields.iter().map(|any| any.as_ref().map(Any::value)).collect();
    match level {
        Level::ERROR => with_keys!(error, values, [], [, "{msg}"]),
        Level::WARN => with_keys!(warn, values, [], [, "{msg}"]),
        Level::INFO => with_keys!(info, values, [], [, "{msg}"]),
        Level::DEBUG => with_keys!(debug, values, [], [, "{msg}"]),
        _ => with_keys!(trace, values, [], [, "{msg}"]),
    }
}

/// What a span or an event says under each key, as `extra` spells it; of keys spelled alike the last counts.
fn said(fields: &[Option<Any>]) -> BTreeMap<String, Any> {
    let said = KEYS.iter().zip(fields).filter_map(|(key, any)| Some((spelled(key), any.clone()?)));
    said.collect()
}

fn check(level: Level, spans: &[SpanPlan], fields: &[Option<Any>], msg: &str) {
    let mut model = BTreeMap::new();
    for plan in spans {
        model.extend(said(&plan.fields));
        model.extend(plan.late.iter().map(|(key, any)| (spelled(KEYS[*key]), any.clone())));
    }
    let mut own = said(fields);
    if level == Level::ERROR {
        // One of these becomes `err`, the other one is extra.
        own.remove("err");
        own.remove("error");
    }
    model.extend(own);

    let records = written_by(|| {
        let open: Vec<_> = spans.iter().map(|plan| open(plan).entered()).collect();
        for (plan, span) in spans.iter().zip(&open) {
            for (key, any) in &plan.late {
                span.record(KEYS[*key], any.value());
            }
        }
        log(level, fields, msg);
    });
    let extra = extra(&records[0]);
    assert_eq!(records[0]["msg"], Json::from(msg));
    for (key, any) in &model {
        let is_err = level == Level::ERROR && (key == "err" || key == "error");
        let shown = extra.get(key);
        assert!(is_err || shown.is_some_and(|text| any.is_shown_as(text)), "{key}: {any:?} is {shown:?}");
    }
    for key in extra.keys() {
        let column = ["req_id", "uid", "span_id", "url"].contains(&key.as_str());
        let is_err = level == Level::ERROR && (key == "err" || key == "error");
        assert!(column || is_err || model.contains_key(key), "{key} was never said");
    }
}

proptest! {
    #[test]
    fn every_line_is_right(
        level in proptest::sample::select(vec![Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE]),
        spans in proptest::collection::vec(any_span(), 0..4),
        fields in any_fields(),
        msg in "(?s).{0,60}",
    ) {
        check(level, &spans, &fields, &msg);
    }
}
