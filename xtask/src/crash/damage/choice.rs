//! What is posted before the files are damaged: reports, small batches, and in every third round batches with so much
//! text that the store below the spool writes sorted files.

use std::collections::VecDeque;
use std::iter::repeat_with;
use std::time::Duration;

use fastrand::Rng;
use serde_json::json;

use super::super::choice::kind;
use super::super::payload::{self, Event, Kind};
use super::super::post::Post;
use super::super::reporter::Manner;

/// Most records of a batch.
const BATCH_RECORDS: usize = 80;

/// Random text of each record of a heavy round, in bytes.
const TEXT_BYTES: usize = 8_000;

/// Every so many rounds there is one with that much text.
const HEAVY_EVERY: u32 = 3;

/// How many posts are single reports, how many records of a batch are errors, and how many posts have a key, in percent.
const REPORT_PERCENT: u8 = 60;
const ERROR_PERCENT: u8 = 10;
const KEYED_PERCENT: u8 = 50;

/// Issues that the errors belong to. Some more come with each round, so that there is always one that only waits.
pub(super) const ISSUES: u32 = 40;
const NEW_ISSUES_A_ROUND: u32 = 10;

/// The reporters. A post that was not answered before the kill stays without an answer: what remembers keys is damaged.
pub(super) const MANNER: Manner = Manner { choose, give_up_after: Duration::ZERO };

/// How many batches are spread over many days, in percent.
const MANY_DAYS_PERCENT: u8 = 20;

fn choose(rng: &mut Rng, round: u32, reporter: usize, sequence: u64, _errors: &VecDeque<Event>) -> Post {
    let id = |offset: usize| sequence * BATCH_RECORDS as u64 + offset as u64;
    let issues = ISSUES + (round + 1) * NEW_ISSUES_A_ROUND;
    let keyed = rng.u8(0..100) < KEYED_PERCENT;
    if rng.u8(0..100) < REPORT_PERCENT {
        let issue = rng.u32(0..issues);
        return Post::report(Event::error(round, reporter, id(0), issue), keyed, rng.bool());
    }
    let size = rng.usize(1..=BATCH_RECORDS);
    // Some entries of each lane, and now and then many days in slices.
    let days = if rng.u8(0..100) < MANY_DAYS_PERCENT { payload::MANY_DAYS } else { payload::FEW_DAYS };
    let event = |offset| {
        let kind = match kind(rng, ERROR_PERCENT) {
            Kind::Error(_) => Kind::Error(payload::batched_near(rng.u32(0..issues))),
            kind => kind,
        };
        Event::in_batch(round, reporter, id(offset), kind, days)
    };
    let events = (0..size).map(event).collect();
    Post::batch_with(events, keyed.then(|| format!("batch-{round}-{reporter}-{sequence}")), |record| {
        if round.is_multiple_of(HEAVY_EVERY) {
            let text: String = repeat_with(|| rng.alphanumeric()).take(TEXT_BYTES).collect();
            record["extra"] = json!(format!("{} {text}", record["extra"].as_str().unwrap_or_default()));
        }
    })
}
