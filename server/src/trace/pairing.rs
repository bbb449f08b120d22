//! From records to hops: which begin belongs to which end.

use super::hop::{Draft, Moment, millis, requested_path, taken};
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
    // Two services may have one id: the called one takes that of the call, or passes on what it got.
    let mut by_span: HashMap<(&str, bool, &str), usize> = HashMap::new();
    let mut open: HashMap<Place<'_>, VecDeque<usize>> = HashMap::new();
    for record in records {
        let Some(moment) = Moment::of(record) else { continue };
        let is_server = moment.kind() == super::HopKind::Server;
        let key = |is_server| (record.span_id.as_str(), is_server, record.project.as_str());
        // Some services write the id of the request into all records of it: their calls have none of their own.
        let is_of_request = !is_server && by_span.contains_key(&key(true));
        let known = if record.span_id.is_empty() || is_of_request {
            let waiting = open.entry(place(record, is_server)).or_default();
            match moment {
                Moment::Begin(_) => {
                    waiting.push_back(hops.len());
                    None
                }
                Moment::End(_) => nearest(&hops, waiting, record),
            }
        } else {
            let known = by_span.get(&key(is_server)).copied();
            by_span.entry(key(is_server)).or_insert(hops.len());
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

/// The open hop that this record ends: one of the same URL, if they have any, that began when its duration says, else the oldest.
fn nearest(hops: &[Draft], waiting: &mut VecDeque<usize>, record: &Record) -> Option<usize> {
    if waiting.is_empty() {
        return None;
    }
    let path = requested_path(record);
    let is_other = |hop: &Draft| !path.is_empty() && !hop.path.is_empty() && hop.path != path;
    let began = taken(record).map(|tm| millis(record) - tm);
    // Of those that are equally far off, the oldest comes first.
    let off = |index: usize| {
        let hop = &hops[waiting[index]];
        (is_other(hop), began.map_or(0.0, |began| (hop.start - began).abs()))
    };
    let chosen = (0..waiting.len().min(CANDIDATES)).min_by(|a, b| {
        let ((other_a, off_a), (other_b, off_b)) = (off(*a), off(*b));
        other_a.cmp(&other_b).then(off_a.total_cmp(&off_b))
    });
    waiting.remove(chosen?)
}
