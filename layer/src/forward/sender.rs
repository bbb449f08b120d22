use super::backoff::Backoff;
use super::http::{Answer, Client};
use super::queue::{Fate, Queue, Task};
use super::store::Batch;
use crate::counts::{Counts, LossReason};
use crate::layer::Core;
use crate::limits::REQUEST_TIMEOUT;
use crate::line::{Clock, Pairs, Plain, write_plain};
use crate::process::start_thread;
use log_center_wire::{Level, Scope};
use std::io;
use std::sync::Arc;
use std::time::Instant;
use tracing_core::dispatcher::{self, Dispatch};

/// `msg` of the record that tells the server what it will never see.
const LOST: &str = "log records lost";

/// The forwarder's thread and what it knows.
pub(crate) struct Sender {
    core: Arc<Core>,
    queue: Arc<Queue>,
    client: Client,
    backoff: Backoff,
    not_before: Option<Instant>,
    /// Losses that a notice was made for.
    told: Counts,
    /// A notice that the server does not have yet.
    notice: Option<Batch>,
}

impl Sender {
    /// Starts the thread. It ends when the queue is closed.
    pub(crate) fn start(core: Arc<Core>, queue: Arc<Queue>, client: Client) -> io::Result<()> {
        let ends = EndsQueue(Arc::clone(&queue));
        start_thread("log-center", move || {
            let _ends = ends;
            let sender = Sender {
                core,
                queue,
                client,
                backoff: Backoff::default(),
                not_before: None,
                told: Counts::default(),
                notice: None,
            };
            // The HTTP client logs by the `log` crate, which a program may have bridged to its subscriber.
            dispatcher::with_default(&Dispatch::none(), || sender.run());
        })
    }

    fn run(mut self) {
        while let Task::Send(mut batch) = self.queue.next(self.not_before) {
            let answer = self.post(&mut batch);
            self.follow(batch, answer);
        }
    }

    fn post(&self, batch: &mut Batch) -> Answer {
        let key = batch.key().to_owned();
        self.client.post(batch.body(), batch.records(), &key, REQUEST_TIMEOUT)
    }

    fn follow(&mut self, batch: Batch, answer: Answer) {
        match answer {
            Answer::Accepted { rejected } => {
                self.succeed();
                self.queue.settle(batch, Fate::Accepted { rejected });
                self.tell_losses();
            }
            Answer::AllRejected => {
                self.succeed();
                let rejected = batch.records();
                self.queue.settle(batch, Fate::Accepted { rejected });
            }
            Answer::Refused => {
                self.succeed();
                self.queue.settle(batch, Fate::Lost(LossReason::Refused));
            }
            Answer::TooLarge => {
                self.succeed();
                self.queue.put_back_halves(batch);
            }
            Answer::Retry { after } => {
                let pause = self.backoff.next();
                // The server's word is a lower bound: jitter keeps its clients apart.
                let pause = after.map_or(pause, |after| after + pause / 2);
                self.not_before = Some(Instant::now() + pause);
                self.queue.put_back(batch);
            }
        }
    }

    fn succeed(&mut self) {
        self.backoff.reset();
        self.not_before = None;
    }

    /// The server is there: tell it what was lost meanwhile. One attempt; the next success brings the next one.
    fn tell_losses(&mut self) {
        if self.notice.is_none() {
            self.notice = self.new_notice();
        }
        if let Some(mut notice) = self.notice.take() {
            if let Answer::Retry { .. } = self.post(&mut notice) {
                self.notice = Some(notice);
            }
        }
    }

    fn new_notice(&mut self) -> Option<Batch> {
        let mut now = Counts::default();
        self.queue.add_to(&mut now);
        let mut extra = Pairs::default();
        // What a request lost, a record in the request tells.
        for reason in LossReason::ALL.into_iter().filter(|reason| *reason != LossReason::RecorderFull) {
            let count = now.lost(reason) - self.told.lost(reason);
            if count > 0 {
                extra.number(reason.as_str(), count);
            }
        }
        self.told = now;
        let plain =
            Plain { level: Level::Warn, scope: Scope::Desc, msg: LOST, columns: "", extra: extra.as_bytes() };
        let mut line = Vec::new();
        write_plain(&mut line, &self.core.identity, &mut Clock::new(), &plain);
        (!extra.is_empty()).then(|| Batch::of_line(&line))
    }
}

/// Ends the queue with the thread, however that ends: whoever waits in a flush must not wait for nobody.
struct EndsQueue(Arc<Queue>);

impl Drop for EndsQueue {
    fn drop(&mut self) {
        self.0.end();
    }
}
