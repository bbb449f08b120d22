//! A program that reports errors: single reports with and without an idempotency key, and batches of records.
//!
//! What has a key is repeated until it is answered, as a good client does, and now and then once more, as if the
//! answer had been lost on the way; what has none is sent once, whatever happens.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use fastrand::Rng;
use serde_json::Value;

use super::client::{Address, Client, Reply};
use super::ledger::Fate;
use super::payload::{self, Event};
use super::plan;
use super::post::Post;
use crate::interrupt;

/// Issues that exist from the beginning.
const ISSUES_AT_START: u32 = 20;

/// Issues that appear in every round: their first reports meet the kills.
const NEW_ISSUES_A_ROUND: u32 = 20;

/// Posts of one reporter from one new issue to the next.
const POSTS_A_NEW_ISSUE: u64 = 10;

/// How often the newest issue is taken, in percent: all reporters at once, so that its first report is contended.
const NEWEST_PERCENT: u8 = 25;

/// How many posts are batches, in percent.
const BATCH_PERCENT: u8 = 5;

/// Largest batch, in records.
const BATCH_RECORDS: usize = 40;

/// How many single reports have a key, in percent.
const KEYED_PERCENT: u8 = 60;

/// How often an answered post with a key is sent again, in percent.
const AGAIN_PERCENT: u8 = 5;

/// Answered posts that are remembered, to be sent again: enough to reach back into earlier rounds.
const REMEMBERED_POSTS: usize = 64;

/// Pause before another try, and after a post that nobody listened to, in milliseconds.
const PAUSE_MS: std::ops::RangeInclusive<u64> = 5..=50;

/// How long after the end of the load a post with a key waits for its answer before its fate is unclear.
const GIVE_UP_AFTER: Duration = Duration::from_secs(60);

/// A reporter. It lives through all rounds and remembers what it sent.
#[derive(Debug)]
pub(super) struct Reporter {
    index: usize,
    client: Client,
    answered: VecDeque<(Post, Value)>,
    sent: Vec<(Event, Fate)>,
    complaints: Vec<String>,
}

/// What a round of load brought.
#[derive(Debug, Default)]
pub(super) struct Harvest {
    /// Every event and its fate.
    pub(super) sent: Vec<(Event, Fate)>,
    /// Answers that the contract does not allow.
    pub(super) complaints: Vec<String>,
}

/// Running reporters.
#[derive(Debug)]
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    reporters: Vec<JoinHandle<Reporter>>,
}

impl Load {
    /// Lets the `reporters` run until [`end`](Self::end).
    pub(super) fn start(reporters: Vec<Reporter>, seed: u64, round: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let start = |mut reporter: Reporter| {
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                let rng = plan::random(seed, round, 1 + reporter.index as u64);
                reporter.run(rng, round, &stop);
                reporter
            })
        };
        let reporters = reporters.into_iter().map(start).collect();
        Self { stop, reporters }
    }

    /// Stops the load, waits until what has a key is answered, and hands back the reporters and what they sent.
    pub(super) fn end(mut self) -> Result<(Vec<Reporter>, Harvest)> {
        self.stop.store(true, Ordering::Relaxed);
        let mut harvest = Harvest::default();
        let mut reporters = Vec::new();
        for thread in self.reporters.drain(..) {
            let mut reporter = thread.join().map_err(|_| anyhow!("a reporter panicked"))?;
            harvest.sent.append(&mut reporter.sent);
            harvest.complaints.append(&mut reporter.complaints);
            reporters.push(reporter);
        }
        Ok((reporters, harvest))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Reporter {
    /// The reporter number `index`, a client of `address`.
    pub(super) fn new(index: usize, address: Address) -> Self {
        let client = Client::new(address);
        Self { index, client, answered: VecDeque::new(), sent: Vec::new(), complaints: Vec::new() }
    }

    fn run(&mut self, mut rng: Rng, round: u32, stop: &AtomicBool) {
        for sequence in 0.. {
            if stop.load(Ordering::Relaxed) || interrupt::requested() {
                return;
            }
            let post = self.choose(&mut rng, round, sequence);
            if post.key.is_some() {
                self.insist(&mut rng, post, stop);
            } else {
                self.send_once(&mut rng, post);
            }
            if rng.u8(0..100) < AGAIN_PERCENT {
                self.send_again(&mut rng);
            }
        }
    }

    fn choose(&self, rng: &mut Rng, round: u32, sequence: u64) -> Post {
        let fresh = u32::try_from(sequence / POSTS_A_NEW_ISSUE).unwrap_or(u32::MAX).min(NEW_ISSUES_A_ROUND);
        let known = ISSUES_AT_START + round * NEW_ISSUES_A_ROUND + fresh;
        let issue = |rng: &mut Rng| {
            if rng.u8(0..100) < NEWEST_PERCENT { known - 1 } else { rng.u32(0..known) }
        };
        // Ids count by the largest batch, so that every event of a batch has its own.
        let id = |offset: usize| sequence * BATCH_RECORDS as u64 + offset as u64;
        if rng.u8(0..100) < BATCH_PERCENT {
            let records = rng.usize(1..=BATCH_RECORDS);
            let event = |offset| Event::new(round, self.index, id(offset), payload::batched_near(issue(rng)));
            return Post::batch((0..records).map(event).collect());
        }
        let event = Event::new(round, self.index, id(0), issue(rng));
        Post::report(event, rng.u8(0..100) < KEYED_PERCENT, rng.bool())
    }

    fn send_once(&mut self, rng: &mut Rng, post: Post) {
        let fate = match self.client.post(post.path, post.header_key(), &post.body) {
            Reply::Answered(answer) => self.accept(&post, &answer),
            Reply::Refused | Reply::NotSent => {
                pause(rng);
                Fate::Refused
            }
            Reply::Unclear => Fate::Unclear,
            Reply::Wrong(answer) => {
                self.complain(&post, &answer);
                Fate::Unclear
            }
        };
        self.enter(post.events, fate);
    }

    fn insist(&mut self, rng: &mut Rng, post: Post, stop: &AtomicBool) {
        let mut give_up_at = None;
        loop {
            match self.client.post(post.path, post.header_key(), &post.body) {
                Reply::Answered(answer) => {
                    let fate = self.accept(&post, &answer);
                    self.enter(post.events.clone(), fate);
                    self.answered.push_back((post, answer));
                    if self.answered.len() > REMEMBERED_POSTS {
                        self.answered.pop_front();
                    }
                    return;
                }
                Reply::Wrong(answer) => {
                    self.complain(&post, &answer);
                    return self.enter(post.events, Fate::Unclear);
                }
                Reply::Refused | Reply::NotSent | Reply::Unclear => pause(rng),
            }
            if stop.load(Ordering::Relaxed) {
                give_up_at.get_or_insert_with(|| Instant::now() + GIVE_UP_AFTER);
            }
            if interrupt::requested() || give_up_at.is_some_and(|at| Instant::now() >= at) {
                return self.enter(post.events, Fate::Unclear);
            }
        }
    }

    /// Repeats a post that was answered, perhaps by a server that is dead since: the answer has to be the same.
    fn send_again(&mut self, rng: &mut Rng) {
        if self.answered.is_empty() {
            return;
        }
        let (post, before) = &self.answered[rng.usize(0..self.answered.len())];
        if let Reply::Answered(now) = self.client.post(post.path, post.header_key(), &post.body)
            && now != *before
        {
            self.complaints.push(format!("{}: answered {before} first and {now} again", post.events[0].id));
        }
    }

    fn accept(&mut self, post: &Post, answer: &Value) -> Fate {
        let (fate, complaint) = post.judge(answer);
        if let Some(complaint) = complaint {
            self.complain(post, &complaint);
        }
        fate
    }

    fn complain(&mut self, post: &Post, what: &str) {
        self.complaints.push(format!("{}: {what}", post.events[0].id));
    }

    fn enter(&mut self, events: Vec<Event>, fate: Fate) {
        self.sent.extend(events.into_iter().map(|event| (event, fate)));
    }
}

fn pause(rng: &mut Rng) {
    thread::sleep(Duration::from_millis(rng.u64(PAUSE_MS)));
}
