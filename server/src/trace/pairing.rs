//! From records to hops: which begin belongs to which end.

use super::hop::{Draft, Moment, millis, taken};
use crate::event::Record;
use std::collections::{HashMap, VecDeque};

/// How many open hops of one service and place are compared with an end that does not say whose it is.
const CANDIDATES: usize = 64;

/// What begins and ends in the same process at the same place: by that, records without ids are paired.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Place<'a> {
    project: &'a str,
    hostname: &'a str,
    pid: u32,
    is_server: bool,
    called: Option<(&'a str, &'a str)>,
}

/// The hops that the records tell of, in the order in which they are met.
pub(super) fn hops(records: &[Record]) -> Vec<Draft> {
    let mut hops: Vec<Draft> = Vec::new();
    let mut by_span: HashMap<(&str, bool), usize> = HashMap::new();
    let mut open: HashMap<Place<'_>, VecDeque<usize>> = HashMap::new();
    for record in records {
        let Some(moment) = Moment::of(record) else { continue };
        let is_server = moment.kind() == super::HopKind::Server;
        let known = if record.span_id.is_empty() {
            let waiting = open.entry(place(record, is_server)).or_default();
            match moment {
                Moment::Begin(_) => {
                    waiting.push_back(hops.len());
                    None
                }
                Moment::End(_) => nearest(&hops, waiting, record),
            }
        } else {
            let known = by_span.get(&(record.span_id.as_str(), is_server)).copied();
            by_span.entry((&record.span_id, is_server)).or_insert(hops.len());
            known
        };
        match (known, moment) {
            (Some(hop), Moment::End(_)) => hops[hop].end(record),
            // A begin that comes after its end, because two clocks or two batches differ.
            (Some(hop), Moment::Begin(_)) => hops[hop].begin(record),
            (None, _) => hops.push(Draft::new(record, moment)),
        }
    }
    hops
}

fn place(record: &Record, is_server: bool) -> Place<'_> {
    let called = (record.service_host.as_str(), record.service_path.as_str());
    Place {
        project: &record.project,
        hostname: &record.hostname,
        pid: record.pid,
        is_server,
        called: (!is_server && called != ("", "")).then_some(called),
    }
}

/// The open hop that this record ends: the one that began when its duration says, else the oldest.
fn nearest(hops: &[Draft], waiting: &mut VecDeque<usize>, record: &Record) -> Option<usize> {
    if waiting.is_empty() {
        return None;
    }
    let oldest = 0;
    let chosen = taken(record).map_or(oldest, |tm| {
        let began = millis(record) - tm;
        let off = |index: &usize| (hops[waiting[*index]].start - began).abs();
        (0..waiting.len().min(CANDIDATES)).min_by(|a, b| off(a).total_cmp(&off(b))).unwrap_or(oldest)
    });
    waiting.remove(chosen)
}
