//! The answer of `GET /api/v1/requests/{req_id}`, as far as it is shown.

use crate::record::Record;
use serde::Deserialize;
use serde_json::value::RawValue;

/// One request.
#[derive(Debug, Deserialize)]
pub(super) struct Request<'a> {
    pub(super) req_id: String,
    pub(super) started_at: String,
    pub(super) duration_ms: f64,
    pub(super) complete: bool,
    pub(super) truncated: bool,
    /// How many records it has, of which `events` are the first.
    #[serde(default)]
    record_count: u64,
    pub(super) error_count: u64,
    pub(super) services: Vec<String>,
    pub(super) issues: Vec<u64>,
    #[serde(borrow)]
    hops: Vec<&'a RawValue>,
    pub(super) events: Vec<Record>,
}

/// A request that a service handled, or a call that it made.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Hop {
    pub(super) span_id: String,
    pub(super) parent_id: String,
    pub(super) project: String,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) start_ms: f64,
    pub(super) duration_ms: Option<f64>,
    pub(super) status: Option<u16>,
    pub(super) state: String,
    #[serde(default)]
    pub(super) clock_skew_ms: Option<f64>,
}

/// A hop as it comes: what is inside of it is not looked at yet, so that hops may nest deeper than a reader of JSON recurses.
#[derive(Deserialize)]
struct Nested<'a> {
    #[serde(flatten)]
    hop: Hop,
    #[serde(borrow, default)]
    children: Vec<&'a RawValue>,
}

/// A hop and how deep it hangs.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) depth: usize,
    pub(super) hop: Hop,
}

impl Request<'_> {
    /// How many records it has, whatever was read of them.
    pub(super) fn record_count(&self) -> usize {
        usize::try_from(self.record_count).unwrap_or(usize::MAX).max(self.events.len())
    }

    /// All hops, each before those inside of it.
    pub(super) fn hops(&self) -> serde_json::Result<Vec<Placed>> {
        let mut waiting: Vec<(usize, &RawValue)> = self.hops.iter().rev().map(|hop| (0, *hop)).collect();
        let mut hops = Vec::new();
        while let Some((depth, text)) = waiting.pop() {
            let Nested { hop, children } = serde_json::from_str(text.get())?;
            waiting.extend(children.into_iter().rev().map(|child| (depth + 1, child)));
            hops.push(Placed { depth, hop });
        }
        Ok(hops)
    }
}

impl Hop {
    pub(super) fn is_call(&self) -> bool {
        self.kind == "client"
    }

    pub(super) fn is_unfinished(&self) -> bool {
        self.state == "unfinished"
    }
}
