//! Statements that were judged already: dashboards ask the same ones again and again.
//!
//! A judgement depends on the statement's bytes, its parameters and the limits that its `SETTINGS` clause may lower, and on nothing that
//! ClickHouse holds. So all of them are the key, byte for byte, and what comes out is what was judged.

use std::collections::{HashMap, VecDeque};

use crate::sql::judge::{Judged, Limits};

/// Judgements kept; the oldest gives way.
const MAX_JUDGEMENTS: usize = 512;

/// Longest statement with its parameters that is kept, bytes. With the canonical text some 4 MiB in all at most.
const MAX_KEY_BYTES: usize = 4 << 10;

/// What a judgement depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    sql: String,
    parameters: Vec<(String, String)>,
    limits: Vec<u64>,
}

impl Key {
    /// `None` if it is too long to be kept.
    pub(super) fn new(sql: &str, parameters: &[(String, String)], limits: &Limits<'_>) -> Option<Self> {
        let bytes = parameters.iter().fold(sql.len(), |sum, (name, value)| sum + name.len() + value.len());
        (bytes <= MAX_KEY_BYTES).then(|| Self {
            sql: sql.to_owned(),
            parameters: parameters.to_vec(),
            limits: limits.iter().map(|(_, limit)| *limit).collect(),
        })
    }
}

/// Judgements that let their statements pass, by what they depend on.
#[derive(Debug, Default)]
pub(super) struct Cache {
    by_key: HashMap<Key, Judged>,
    by_age: VecDeque<Key>,
}

impl Cache {
    pub(super) fn get(&self, key: &Key) -> Option<Judged> {
        self.by_key.get(key).cloned()
    }

    pub(super) fn insert(&mut self, key: Key, judged: Judged) {
        // A canonical text is longer than the statement, but not by much; one that is stays out.
        if judged.sql().len() > 2 * MAX_KEY_BYTES || self.by_key.contains_key(&key) {
            return;
        }
        if self.by_age.len() >= MAX_JUDGEMENTS
            && let Some(oldest) = self.by_age.pop_front()
        {
            self.by_key.remove(&oldest);
        }
        self.by_age.push_back(key.clone());
        self.by_key.insert(key, judged);
    }
}
