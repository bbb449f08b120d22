//! What a reporter posts next.

use std::collections::VecDeque;

use fastrand::Rng;

use super::payload::{self, Event, Kind};
use super::post::Post;

/// Issues that exist from the beginning.
const ISSUES_AT_START: u32 = 20;

/// Issues that appear in every round: their first reports meet the kills.
const NEW_ISSUES_A_ROUND: u32 = 20;

/// Posts of one reporter from one new issue to the next.
const POSTS_A_NEW_ISSUE: u64 = 10;

/// How often the newest issue is taken, in percent: all reporters at once, so that its first report is contended.
const NEWEST_PERCENT: u8 = 25;

/// How many posts are batches, in thousandths: of the first posts of a reporter in a round, and of the later ones, so that
/// a fast server does not get so many records that comparing them takes longer than sending.
const BATCHES_IN_THOUSAND: u16 = 30;
const LATER_BATCHES_IN_THOUSAND: u16 = 4;
const FIRST_POSTS: u64 = 500;

/// How many batches are of one record only, of up to [`SMALL_BATCH`], and the rest of up to [`BATCH_RECORDS`], in percent.
const SINGLE_PERCENT: u8 = 20;
const SMALL_PERCENT: u8 = 55;

/// Largest of the small batches, in records.
const SMALL_BATCH: usize = 60;

/// Largest batch, in records.
const BATCH_RECORDS: usize = 1_000;

/// How many records of a batch are errors, in percent: each batch has one of these. The server writes batches with few
/// errors and with many in different ways.
const ERROR_PERCENTS: [u8; 4] = [0, 1, 3, 25];

/// How many batches have errors in them that were sent before, and how many posts report such an error, in percent.
const REPEATING_BATCH_PERCENT: u8 = 50;
const REPEATING_REPORT_PERCENT: u8 = 2;

/// How many batches are spread over many days, in percent.
const MANY_DAYS_PERCENT: u8 = 20;

/// Errors that a batch repeats, at most.
const REPEATED_AT_MOST: usize = 4;

/// How many posts have a key, in percent.
const KEYED_PERCENT: u8 = 60;

/// The post with which the reporter number `reporter` goes on. `errors` are those that it has sent in batches.
pub(super) fn choose(
    rng: &mut Rng,
    round: u32,
    reporter: usize,
    sequence: u64,
    errors: &VecDeque<Event>,
) -> Post {
    let fresh = u32::try_from(sequence / POSTS_A_NEW_ISSUE).unwrap_or(u32::MAX).min(NEW_ISSUES_A_ROUND);
    let known = ISSUES_AT_START + round * NEW_ISSUES_A_ROUND + fresh;
    let issue = |rng: &mut Rng| if rng.u8(0..100) < NEWEST_PERCENT { known - 1 } else { rng.u32(0..known) };
    // Ids count by the largest batch, so that every event of a batch has its own.
    let id = |offset: usize| sequence * BATCH_RECORDS as u64 + offset as u64;
    let keyed = rng.u8(0..100) < KEYED_PERCENT;
    let batches = if sequence < FIRST_POSTS { BATCHES_IN_THOUSAND } else { LATER_BATCHES_IN_THOUSAND };
    if rng.u16(0..1_000) < batches {
        let size = batch_size(rng);
        let error_percent = ERROR_PERCENTS[rng.usize(0..ERROR_PERCENTS.len())];
        let is_late = rng.u8(0..100) < MANY_DAYS_PERCENT;
        let days = if is_late { payload::MANY_DAYS } else { payload::FEW_DAYS };
        let event = |offset| {
            let kind = match kind(rng, error_percent) {
                Kind::Error(_) => Kind::Error(payload::batched_near(issue(rng))),
                kind => kind,
            };
            Event::in_batch(round, reporter, id(offset), kind, days)
        };
        let mut events: Vec<_> = (0..size).map(event).collect();
        if size > REPEATED_AT_MOST && rng.u8(0..100) < REPEATING_BATCH_PERCENT {
            let again = rng.usize(0..=REPEATED_AT_MOST);
            events.extend(rng.choose_multiple(errors, again).into_iter().cloned());
            rng.shuffle(&mut events);
        }
        return Post::batch(events, keyed.then(|| format!("batch-{round}-{reporter}-{sequence}")));
    }
    if rng.u8(0..100) < REPEATING_REPORT_PERCENT
        && let Some(error) = rng.choice(errors).filter(|error| error.names_itself())
    {
        return Post::repeated_report(error.clone(), rng.bool());
    }
    Post::report(Event::error(round, reporter, id(0), issue(rng)), keyed, rng.bool())
}

/// A random kind; an error is left without its issue.
pub(super) fn kind(rng: &mut Rng, error_percent: u8) -> Kind {
    const ORDINARY: [Kind; 6] =
        [Kind::Asked, Kind::Answered, Kind::Called, Kind::CallFailed, Kind::Sampled, Kind::Noted];
    if rng.u8(0..100) < error_percent { Kind::Error(0) } else { ORDINARY[rng.usize(0..ORDINARY.len())] }
}

fn batch_size(rng: &mut Rng) -> usize {
    match rng.u8(0..100) {
        ..SINGLE_PERCENT => 1,
        way if way < SINGLE_PERCENT + SMALL_PERCENT => rng.usize(2..=SMALL_BATCH),
        _ => rng.usize(SMALL_BATCH..=BATCH_RECORDS),
    }
}
