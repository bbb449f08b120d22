//! From hops to a tree: which hop is inside which.

use super::hop::Draft;
use super::{HOP_DEPTH, HopKind};
use std::collections::HashMap;

/// How many hops before a hop without a parent are looked at for one that was open then.
const CANDIDATES: usize = 256;

/// Who is inside whom, as indices into the hops.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) parents: Vec<Option<usize>>,
    pub(super) children: Vec<Vec<usize>>,
    pub(super) roots: Vec<usize>,
    /// Some hops were nested deeper than [`HOP_DEPTH`].
    pub(super) flattened: bool,
}

impl Tree {
    /// `hops` stand in the order of their start.
    pub(super) fn new(hops: &[Draft]) -> Self {
        let mut parents = by_ids(hops);
        by_time(hops, &mut parents);
        let flattened = break_up(&mut parents);
        let mut children = vec![Vec::new(); hops.len()];
        let mut roots = Vec::new();
        for (hop, parent) in parents.iter().enumerate() {
            parent.map_or(&mut roots, |parent| &mut children[parent]).push(hop);
        }
        Self { parents, children, roots, flattened }
    }
}

/// As the hops say themselves. A service's hop names its caller's call, a call the request in which it was made. Several hops may have one
/// id: in some systems the called service takes that of the call, in others a service passes on what it got.
fn by_ids(hops: &[Draft]) -> Vec<Option<usize>> {
    let mut by_span: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, hop) in hops.iter().enumerate().filter(|(_, hop)| !hop.span_id.is_empty()) {
        let same = by_span.entry(&hop.span_id).or_default();
        if same.len() < CANDIDATES {
            same.push(index);
        }
    }
    let with_id = |id: &str, but: usize| {
        let all = by_span.get(id).map_or(&[][..], Vec::as_slice);
        all.iter().copied().filter(move |index| *index != but)
    };
    let parent = |(index, hop): (usize, &Draft)| {
        let is_own = |other: &usize| hops[*other].project == hop.project;
        let is = |kind: HopKind| move |other: &usize| hops[*other].kind == kind;
        let is_earlier = |other: &usize| *other < index && is_open(&hops[*other], hop);
        let same = || with_id(&hop.span_id, index);
        let named = || with_id(&hop.parent_id, index).filter(|_| hop.parent_id != hop.span_id);
        match hop.kind {
            HopKind::Server => same()
                .find(|other| is(HopKind::Client)(other) && !is_own(other))
                .or_else(|| same().rfind(|other| is(HopKind::Server)(other) && is_earlier(other)))
                .or_else(|| most_alike(hops, named().filter(is(HopKind::Client)), hop))
                .or_else(|| named().next()),
            HopKind::Client => same()
                .find(|other| is(HopKind::Server)(other) && is_own(other))
                .or_else(|| named().find(|other| is(HopKind::Server)(other) && is_own(other)))
                .or_else(|| named().find(is(HopKind::Server)))
                .or_else(|| named().next()),
        }
    };
    hops.iter().enumerate().map(parent).collect()
}

/// Whether `around` had not ended when `hop` began.
fn is_open(around: &Draft, hop: &Draft) -> bool {
    around.ends().is_none_or(|end| end >= hop.start)
}

/// For hops that name nobody: a call is inside of the request that its process was handling, a request inside of the
/// call that another service was making. Requests that look like a call under way come first, so that no other takes that call.
fn by_time(hops: &[Draft], parents: &mut [Option<usize>]) {
    let mut called = vec![false; hops.len()];
    for parent in parents.iter().flatten() {
        called[*parent] = true;
    }
    for likeness in [Likeness::Needed, Likeness::Welcome] {
        for index in 0..hops.len() {
            if parents[index].is_some() || hops[index].names_parent() {
                continue;
            }
            if let Some(parent) = open_around(hops, &called, index, likeness) {
                called[parent] = true;
                parents[index] = Some(parent);
            }
        }
    }
}

/// Whether a call must look like the request that is to be inside of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Likeness {
    Needed,
    Welcome,
}

/// The hop that was open around another one: for a call the latest request, for a request the call that is most like it, of equal ones
/// the latest.
fn open_around(hops: &[Draft], called: &[bool], index: usize, likeness: Likeness) -> Option<usize> {
    let hop = &hops[index];
    let is_around = |candidate: &usize| {
        let other = &hops[*candidate];
        let same_process =
            (&other.project, &other.hostname, other.pid) == (&hop.project, &hop.hostname, hop.pid);
        is_open(other, hop)
            && match hop.kind {
                HopKind::Client => other.kind == HopKind::Server && same_process,
                HopKind::Server => other.kind == HopKind::Client && !same_process && !called[*candidate],
            }
    };
    let mut before = (index.saturating_sub(CANDIDATES)..index).rev().filter(is_around);
    if hop.kind == HopKind::Client {
        return before.next();
    }
    let is_alike =
        |candidate: &usize| likeness == Likeness::Welcome || unlikeness(&hops[*candidate], hop).0 <= LIKE;
    most_alike(hops, before.filter(is_alike), hop)
}

/// The call that looks most like the other side of a request; the first of equal ones.
fn most_alike(hops: &[Draft], calls: impl Iterator<Item = usize>, request: &Draft) -> Option<usize> {
    let compared = calls.map(|call| (call, unlikeness(&hops[call], request)));
    let best = compared.min_by(|(_, (a, off_a)), (_, (b, off_b))| a.cmp(b).then(off_a.total_cmp(off_b)));
    best.map(|(call, _)| call)
}

/// So little unlike are two sides whose paths are the same, or that have the host and something else in common. Status and duration are
/// not enough.
const LIKE: i32 = -4;

/// How little a call and a request look like two sides of one: below 0 if more speaks for it than against it. Then by how much their
/// durations differ. What one side does not say counts neither way.
fn unlikeness(call: &Draft, request: &Draft) -> (i32, f64) {
    let said = |a: &str, b: &str| !a.is_empty() && !b.is_empty();
    let path = match said(&call.path, &request.path) {
        true if call.path == request.path => -4,
        // A proxy may have taken something off the front.
        true if request.path.len() > 1 && call.path.ends_with(&request.path) => -2,
        true => 4,
        false => 0,
    };
    let method = match said(&call.method, &request.method) {
        true if call.method.eq_ignore_ascii_case(&request.method) => -1,
        true => 4,
        false => 0,
    };
    let host = if !request.project.is_empty() && call.host.contains(&request.project) { -3 } else { 0 };
    let status = match (call.status, request.status) {
        (Some(seen), Some(given)) => {
            if seen == given {
                -2
            } else {
                2
            }
        }
        _ => 0,
    };
    // Times are written in whole milliseconds.
    let (duration, off) = match (call.duration, request.duration) {
        (Some(around), Some(inside)) => {
            (if inside <= around + 1.0 { -1 } else { 3 }, (around - inside).abs())
        }
        _ => (0, f64::INFINITY),
    };
    (path + method + host + status + duration, off)
}

/// Cuts circles, and lifts what is nested too deep. Whether anything was lifted.
fn break_up(parents: &mut [Option<usize>]) -> bool {
    const UNSEEN: usize = usize::MAX;
    const ON_THE_WAY: usize = usize::MAX - 1;
    let mut depths = vec![UNSEEN; parents.len()];
    let mut flattened = false;
    let mut way = Vec::new();
    for hop in 0..parents.len() {
        let mut at = Some(hop);
        while let Some(next) = at.filter(|next| depths[*next] == UNSEEN) {
            depths[next] = ON_THE_WAY;
            way.push(next);
            at = parents[next];
        }
        // Who comes back to a hop that it came from has no parent.
        if let (Some(top), Some(ON_THE_WAY)) = (way.last(), at.map(|at| depths[at])) {
            parents[*top] = None;
        }
        while let Some(next) = way.pop() {
            let above = parents[next].map(|parent| (parent, depths[parent]));
            depths[next] = match above {
                None => 0,
                Some((parent, depth)) if depth + 1 >= HOP_DEPTH => {
                    parents[next] = parents[parent];
                    flattened = true;
                    depth
                }
                Some((_, depth)) => depth + 1,
            };
        }
    }
    flattened
}
