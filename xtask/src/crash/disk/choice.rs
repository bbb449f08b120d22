//! What is posted while the disk is filled: mostly batches with much text, so that each insert and each merge writes long
//! enough to be caught, and some reports.

use std::collections::VecDeque;
use std::iter::repeat_with;
use std::time::Duration;

use fastrand::Rng;
use serde_json::json;

use super::super::choice::kind;
use super::super::payload::{self, Event, Kind};
use super::super::post::Post;
use super::super::reporter::Manner;

/// Records of a batch.
const BATCH_RECORDS: usize = 100;

/// Random text of each record, in bytes: it cannot be compressed away.
const TEXT_BYTES: usize = 3_000;

/// How many posts are single reports, and how many records of a batch are errors, in percent.
const REPORT_PERCENT: u8 = 30;
const ERROR_PERCENT: u8 = 5;

/// How many posts have a key, in percent.
const KEYED_PERCENT: u8 = 50;

/// Issues that the errors belong to.
const ISSUES: u32 = 200;

/// The reporters. Nobody posts once the load has ended: the server has to find out by itself that there is room again.
pub(super) const MANNER: Manner = Manner { choose, give_up_after: Duration::ZERO };

fn choose(rng: &mut Rng, round: u32, reporter: usize, sequence: u64, _errors: &VecDeque<Event>) -> Post {
    let id = |offset: usize| sequence * BATCH_RECORDS as u64 + offset as u64;
    let keyed = rng.u8(0..100) < KEYED_PERCENT;
    if rng.u8(0..100) < REPORT_PERCENT {
        let issue = rng.u32(0..ISSUES);
        return Post::report(Event::error(round, reporter, id(0), issue), keyed, rng.bool());
    }
    let event = |offset| {
        let kind = match kind(rng, ERROR_PERCENT) {
            Kind::Error(_) => Kind::Error(payload::batched_near(rng.u32(0..ISSUES))),
            kind => kind,
        };
        Event::in_batch(round, reporter, id(offset), kind, payload::FEW_DAYS)
    };
    let events = (0..BATCH_RECORDS).map(event).collect();
    Post::batch_with(events, keyed.then(|| format!("batch-{round}-{reporter}-{sequence}")), |record| {
        let text: String = repeat_with(|| rng.alphanumeric()).take(TEXT_BYTES).collect();
        record["extra"] = json!(format!("{} {text}", record["extra"].as_str().unwrap_or_default()));
    })
}
