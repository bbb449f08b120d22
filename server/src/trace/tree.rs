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

/// As the hops say themselves. A service's hop names its caller's call, a call the request in which it was made.
fn by_ids(hops: &[Draft]) -> Vec<Option<usize>> {
    let mut by_span: HashMap<&str, usize> = HashMap::new();
    for (index, hop) in hops.iter().enumerate().filter(|(_, hop)| !hop.span_id.is_empty()) {
        by_span.entry(&hop.span_id).or_insert(index);
    }
    let parent = |(index, hop): (usize, &Draft)| {
        by_span.get(hop.parent_id.as_str()).copied().filter(|parent| *parent != index)
    };
    hops.iter().enumerate().map(parent).collect()
}

/// For hops that name nobody: a call is inside of the request that its process was handling, a request inside of the
/// call that another service was making.
fn by_time(hops: &[Draft], parents: &mut [Option<usize>]) {
    let mut called = vec![false; hops.len()];
    for parent in parents.iter().flatten() {
        called[*parent] = true;
    }
    for index in 0..hops.len() {
        let hop = &hops[index];
        if parents[index].is_some() || !hop.parent_id.is_empty() {
            continue;
        }
        let is_around = |candidate: usize| {
            let other = &hops[candidate];
            let is_open = other.ends().is_none_or(|end| end >= hop.start);
            let same_process =
                (&other.project, &other.hostname, other.pid) == (&hop.project, &hop.hostname, hop.pid);
            is_open
                && match hop.kind {
                    HopKind::Client => other.kind == HopKind::Server && same_process,
                    HopKind::Server => other.kind == HopKind::Client && !same_process && !called[candidate],
                }
        };
        let before =
            (index.saturating_sub(CANDIDATES)..index).rev().filter(|candidate| is_around(*candidate));
        let mut before = before.peekable();
        let latest = before.peek().copied();
        // Of several calls under way, the one to a host of that name.
        let named = before
            .find(|candidate| hop.kind == HopKind::Server && hops[*candidate].name.contains(&hop.project));
        if let Some(parent) = named.or(latest) {
            called[parent] = true;
            parents[index] = Some(parent);
        }
    }
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
