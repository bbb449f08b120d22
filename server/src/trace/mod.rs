//! One request put back together: from its records to a tree of hops.
//!
//! A hop is a request that a service handled (`server`) or a call that it made (`client`). Records with a `span_id` say
//! themselves which hop they are of, and which hop is around it. For those of other programs, which have none, begin and
//! end are paired by service, process and time (`pairing`), and put below the hop that was open then (`tree`).
//! What is not there is not made up: a hop without an end is `unfinished`, one whose parent nobody wrote is a root.
//!
//! Everything here is pure, and takes time in proportion to the number of records, whatever they say.

mod hop;
mod pairing;
mod tree;

pub use hop::{Hop, HopKind};

use crate::event::{HopState, Record};
use crate::store::value::Time;
use hop::{Draft, millis};
use log_center_wire::{Level, UnixMillis};
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use tree::Tree;

/// Deepest nesting of hops. What is deeper hangs beside its parent, and the trace is `truncated`.
pub const HOP_DEPTH: usize = 1_000;

/// What the records of a request say together.
#[derive(Debug)]
pub struct Trace {
    /// When the first hop began or the first record was written.
    pub started_at: Time,
    /// From there to the last end.
    pub duration_ms: f64,
    /// There are hops, and each has begun and ended.
    pub complete: bool,
    /// Some hops do not hang where they belong, because they would hang too deep.
    pub flattened: bool,
    /// Records at ERROR and above.
    pub error_count: usize,
    /// Who took part, by name.
    pub services: Vec<String>,
    /// The issues that records of it are occurrences of.
    pub issues: Vec<u64>,
    hops: Vec<Hop>,
    tree: Tree,
}

impl Trace {
    /// Of the records of one request, in the order of time; `None` if there are none.
    pub fn new(records: &[Record]) -> Option<Self> {
        let mut drafts = pairing::hops(records);
        drafts.sort_by(|a, b| a.start.total_cmp(&b.start));
        let tree = Tree::new(&drafts);
        let times = || records.iter().map(millis);
        let start = times().chain(drafts.iter().map(|draft| draft.start)).min_by(f64::total_cmp)?;
        let end = times().chain(drafts.iter().filter_map(Draft::ends)).max_by(f64::total_cmp)?;
        let services: BTreeSet<&str> = records.iter().map(|record| record.project.as_str()).collect();
        let issues: BTreeSet<u64> =
            records.iter().map(|record| record.issue_id).filter(|issue| *issue != 0).collect();
        let has_ended = |draft: &Draft| draft.state != HopState::Unfinished;
        let complete = !drafts.is_empty() && drafts.iter().all(has_ended);
        let skew = |index: usize| tree.parents[index].and_then(|parent| drafts[index].skew(&drafts[parent]));
        let skews: Vec<_> = (0..drafts.len()).map(skew).collect();
        let hops = drafts.into_iter().zip(skews).map(|(draft, skew)| draft.finish(start, skew)).collect();
        Some(Self {
            // The start of a hop may lie between two milliseconds.
            started_at: Time(UnixMillis(start.floor() as i64)),
            duration_ms: rounded(end - start),
            complete,
            flattened: tree.flattened,
            error_count: records.iter().filter(|record| record.level >= Level::Error.number()).count(),
            services: services.into_iter().map(str::to_owned).collect(),
            issues: issues.into_iter().collect(),
            hops,
            tree,
        })
    }

    /// The hops as JSON, each with its `children`. Written in a loop, not by recursion: nobody's records shall exhaust
    /// the stack.
    ///
    /// # Errors
    /// None that a [`Hop`] can have.
    pub fn hops_json(&self) -> serde_json::Result<Box<RawValue>> {
        let mut out = String::from("[");
        // Hops that are begun, each with what is left of its children.
        let mut open = vec![self.tree.roots.iter()];
        while let Some(rest) = open.last_mut() {
            let Some(&hop) = rest.next() else {
                open.pop();
                out.push_str(if open.is_empty() { "]" } else { "]}" });
                continue;
            };
            if !out.ends_with('[') {
                out.push(',');
            }
            let text = serde_json::to_string(&self.hops[hop])?;
            out.push_str(text.strip_suffix('}').unwrap_or(&text));
            out.push_str(",\"children\":[");
            open.push(self.tree.children[hop].iter());
        }
        RawValue::from_string(out)
    }
}

/// Milliseconds to the microsecond: what a sum of binary fractions adds behind that is noise.
fn rounded(ms: f64) -> f64 {
    (ms * 1000.0).round() / 1000.0
}
