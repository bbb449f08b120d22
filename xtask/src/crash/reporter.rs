//! A program that reports errors and sends its log: single reports, and batches of records from one to a thousand, both
//! with and without an idempotency key.
//!
//! What has a key is repeated until it is answered, as a good client does, and now and then once more, as if the
//! answer had been lost on the way; what has none is sent once, whatever happens. Errors of batches also arrive by other
//! ways: in another batch, and as a report.

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
use super::payload::Event;
use super::plan;
use super::post::Post;
use crate::interrupt;

/// How often an answered post with a key is sent again, in percent.
const AGAIN_PERCENT: u8 = 5;

/// Answered posts that are remembered, to be sent again: enough to reach back into earlier rounds.
const REMEMBERED_POSTS: usize = 64;

/// Errors that are remembered, to be sent once more by another way.
const REMEMBERED_ERRORS: usize = 32;

/// Pause before another try, and after a post that nobody listened to, in milliseconds.
const PAUSE_MS: std::ops::RangeInclusive<u64> = 5..=50;

/// What a reporter posts next: a function of the round, its number, the number of the post, and the errors that it has
/// sent in batches.
pub(super) type Choose = fn(&mut Rng, u32, usize, u64, &VecDeque<Event>) -> Post;

/// How a reporter goes about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    /// What it posts.
    pub(super) choose: Choose,
    /// How long after the end of the load a post with a key is repeated before its fate is unclear.
    pub(super) give_up_after: Duration,
}

/// A reporter. It lives through all rounds and remembers what it sent.
#[derive(Debug)]
pub(super) struct Reporter {
    index: usize,
    manner: Manner,
    client: Client,
    answered: VecDeque<(Post, Value)>,
    /// Errors that may come by any way, whatever became of them.
    errors: VecDeque<Event>,
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
    pub(super) fn new(index: usize, manner: Manner, address: Address) -> Self {
        let client = Client::new(address);
        Self {
            index,
            manner,
            client,
            answered: VecDeque::new(),
            errors: VecDeque::new(),
            sent: Vec::new(),
            complaints: Vec::new(),
        }
    }

    fn run(&mut self, mut rng: Rng, round: u32, stop: &AtomicBool) {
        for sequence in 0.. {
            if stop.load(Ordering::Relaxed) || interrupt::requested() {
                return;
            }
            let post = (self.manner.choose)(&mut rng, round, self.index, sequence, &self.errors);
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
                give_up_at.get_or_insert_with(|| Instant::now() + self.manner.give_up_after);
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
        if events.len() > 1 {
            for event in events.iter().filter(|event| event.issue().is_some()) {
                // Twice in one batch would be two events if they do not name themselves.
                if !self.errors.contains(event) {
                    self.errors.push_back(event.clone());
                }
            }
            self.errors.drain(..self.errors.len().saturating_sub(REMEMBERED_ERRORS));
        }
        self.sent.extend(events.into_iter().map(|event| (event, fate)));
    }
}

fn pause(rng: &mut Rng) {
    thread::sleep(Duration::from_millis(rng.u64(PAUSE_MS)));
}
