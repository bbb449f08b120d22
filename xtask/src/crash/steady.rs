//! Reports at a steady rate, whatever happens: the next one is due when it is due, so a slow answer is not hidden by
//! sending less.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use super::client::{Address, Client, Reply};
use super::ledger::Fate;
use super::payload::Event;
use super::post::Post;
use crate::interrupt;

/// Issues that the reports belong to.
const ISSUES: u32 = 200;

/// Complaints that one sender keeps; a server that refuses everything would fill the memory.
const COMPLAINTS_AT_MOST: usize = 5;

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Harvest {
    /// Every event and its fate.
    pub(super) sent: Vec<(Event, Fate)>,
    /// From the moment a report was due until it was answered, for each.
    pub(super) answer_times: Vec<Duration>,
    /// Answers other than 200.
    pub(super) not_accepted: u64,
    /// Words for some of them.
    pub(super) complaints: Vec<String>,
}

/// Running senders.
#[derive(Debug)]
pub(super) struct SteadyLoad {
    stop: Arc<AtomicBool>,
    senders: Vec<JoinHandle<Harvest>>,
}

impl SteadyLoad {
    /// Sends `per_second` reports over `connections` until [`end`](Self::end).
    pub(super) fn start(address: &Address, connections: u32, per_second: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let interval = Duration::from_secs(1) * connections / per_second;
        let start = |index: u32| {
            let (stop, client) = (Arc::clone(&stop), Client::new(address.clone()));
            let first_due = Instant::now() + interval * index / connections;
            thread::spawn(move || send(&client, index as usize, first_due, interval, &stop))
        };
        let senders = (0..connections).map(start).collect();
        Self { stop, senders }
    }

    /// Stops and collects.
    pub(super) fn end(mut self) -> Result<Harvest> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Harvest::default();
        for sender in self.senders.drain(..) {
            let harvest = sender.join().map_err(|_| anyhow!("a sender panicked"))?;
            all.sent.extend(harvest.sent);
            all.answer_times.extend(harvest.answer_times);
            all.not_accepted += harvest.not_accepted;
            all.complaints.extend(harvest.complaints);
        }
        Ok(all)
    }
}

impl Drop for SteadyLoad {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn send(client: &Client, index: usize, first_due: Instant, interval: Duration, stop: &AtomicBool) -> Harvest {
    let mut harvest = Harvest::default();
    let mut due = first_due;
    for sequence in 0.. {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if stop.load(Ordering::Relaxed) || interrupt::requested() {
            break;
        }
        let issue = u32::try_from(sequence % u64::from(ISSUES)).unwrap_or_default();
        let post = Post::report(Event::error(0, index, sequence, issue), false, false);
        let reply = client.post(post.path, None, &post.body);
        harvest.answer_times.push(due.elapsed());
        let (fate, complaint) = judge(&post, reply);
        if let Some(complaint) = complaint {
            harvest.not_accepted += 1;
            if harvest.complaints.len() < COMPLAINTS_AT_MOST {
                harvest.complaints.push(complaint);
            }
        }
        harvest.sent.extend(post.events.into_iter().map(|event| (event, fate)));
        due += interval;
    }
    harvest
}

fn judge(post: &Post, reply: Reply) -> (Fate, Option<String>) {
    match reply {
        Reply::Answered(answer) => post.judge(&answer),
        Reply::Refused => (Fate::Refused, Some("refused with 429 or 503".to_owned())),
        Reply::NotSent => (Fate::Refused, Some("nobody listens".to_owned())),
        Reply::Unclear => (Fate::Unclear, Some("no answer".to_owned())),
        Reply::Wrong(answer) => (Fate::Unclear, Some(answer)),
    }
}
