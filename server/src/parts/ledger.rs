//! Which parts the tables had when the server ran last, so that those are missed that are gone when it starts again: a
//! folder that somebody removed, or one that ClickHouse could not load and has put aside without a word to us.

use crate::store::part::ActivePart;
use log_center_wire::UnixMillis;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Beside ClickHouse's own files: a copy of the one is a copy of the other.
const FILE: &str = "parts.noted";

/// The file.
pub(super) struct Ledger {
    path: PathBuf,
}

/// A part as its name describes it: `partition_min_max_level`, with or without a mutation behind.
#[derive(Debug, PartialEq, Eq)]
struct Blocks<'a> {
    partition: &'a str,
    first: i64,
    last: i64,
}

/// What a table had more of.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Missing {
    pub(super) table: String,
    pub(super) parts: Vec<String>,
    pub(super) rows: u64,
}

impl Ledger {
    pub(super) fn new(clickhouse: &Path) -> Self {
        Self { path: clickhouse.join(FILE) }
    }

    /// Notes what is there. It is not made durable: after a power cut it may be that of some seconds before, whose parts were
    /// merged into others since then, and it may be gone.
    pub(super) fn write(&self, parts: &[ActivePart]) -> io::Result<()> {
        let mut text = String::new();
        for part in parts {
            // Writing to a string does not fail.
            _ = writeln!(text, "{}\t{}\t{}\t{}", part.table, part.name, part.rows, part.expires_s);
        }
        let unfinished = self.path.with_extension("new");
        fs::write(&unfinished, text)?;
        fs::rename(unfinished, &self.path)
    }

    /// What is missing of that now. Nothing if there is no file. Parts whose rows are all past their retention by now may be gone.
    pub(super) fn missing(&self, active: &[ActivePart], now: UnixMillis) -> Vec<Missing> {
        compare(&fs::read_to_string(&self.path).unwrap_or_default(), active, now)
    }
}

fn compare(noted: &str, active: &[ActivePart], now: UnixMillis) -> Vec<Missing> {
    let mut missing: Vec<Missing> = Vec::new();
    for line in noted.lines() {
        let mut fields = line.split('\t');
        let (Some(table), Some(name), Some(rows)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let (Some(blocks), Ok(rows)) = (Blocks::of(name), rows.parse::<u64>()) else { continue };
        let expires_s = fields.next().and_then(|expires| expires.parse::<i64>().ok()).unwrap_or(0);
        if expires_s > 0 && expires_s * 1000 <= now.0 {
            continue;
        }
        let same = || active.iter().filter(|part| part.table == table);
        let beside = || same().filter_map(|part| Some((Blocks::of(&part.name)?, part.rows)));
        if beside().any(|(part, _)| part.covers(&blocks)) {
            continue;
        }
        // The parts that had been merged may be back in its place.
        let there: u64 = beside().filter(|(part, _)| blocks.covers(part)).map(|(_, rows)| rows).sum();
        let gone = rows.saturating_sub(there);
        if gone == 0 {
            continue;
        }
        let place = missing.iter_mut().find(|missing| missing.table == table);
        match place {
            Some(missing) => {
                missing.rows += gone;
                missing.parts.push(name.to_owned());
            }
            None => {
                missing.push(Missing { table: table.to_owned(), parts: vec![name.to_owned()], rows: gone })
            }
        }
    }
    missing
}

impl<'a> Blocks<'a> {
    fn of(name: &'a str) -> Option<Self> {
        let mut pieces = name.split('_');
        let blocks = Self {
            partition: pieces.next()?,
            first: pieces.next()?.parse().ok()?,
            last: pieces.next()?.parse().ok()?,
        };
        pieces.next()?.parse::<u64>().ok().map(|_| blocks)
    }

    fn covers(&self, other: &Self) -> bool {
        self.partition == other.partition && self.first <= other.first && other.last <= self.last
    }
}

#[cfg(test)]
mod tests {
    use super::{Missing, compare};
    use crate::store::part::ActivePart;
    use log_center_wire::UnixMillis;

    fn active(parts: &[(&str, u64)]) -> Vec<ActivePart> {
        let part = |(name, rows): &(&str, u64)| ActivePart {
            table: "t".to_owned(),
            name: (*name).to_owned(),
            path: String::new(),
            rows: *rows,
            bytes_on_disk: 0,
            expires_s: 0,
        };
        parts.iter().map(part).collect()
    }

    #[test]
    fn misses_what_is_neither_there_nor_merged_nor_back() {
        let noted =
            "t\t20260101_1_4_1\t40\t2000\nt\tall_1_1_0_9\t5\t0\nnonsense\nt\tx_1\t9\nt\tall_7_7_0\t9\t1000\n";
        let now = UnixMillis(1_000_000);
        for (parts, expected) in [
            (active(&[("20260101_1_4_1", 40), ("all_1_1_0_9", 5)]), None),
            (active(&[("20260101_1_9_2", 90), ("all_1_2_1", 5)]), None),
            (active(&[("20260101_1_2_1", 30), ("20260101_3_4_0", 10), ("all_1_1_0", 5)]), None),
            (active(&[("20260101_1_2_1", 30), ("all_1_1_0", 5)]), Some((vec!["20260101_1_4_1"], 10))),
            (active(&[("20260102_1_4_1", 40)]), Some((vec!["20260101_1_4_1", "all_1_1_0_9"], 45))),
        ] {
            let expected = expected.map(|(names, rows)| Missing {
                table: "t".to_owned(),
                parts: names.into_iter().map(str::to_owned).collect(),
                rows,
            });
            assert_eq!(compare(noted, &parts, now).pop(), expected);
        }
    }
}
