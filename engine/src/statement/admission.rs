use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Caller;
use crate::exception::{Exception, Kind};
use crate::limits::{STRANGERS_TURNS_A_PROCESSOR, TURN_WAIT, TURNS_FOR_KNOWN_READERS, TURNS_FOR_WRITERS};

/// Lets a bounded number of statements run and a bounded number wait.
///
/// Of the turns, some are only for who shows the password, and some of these only for who writes: whatever strangers do, the
/// server finds a turn for its own statements, and however many questions it passes on, for its inserts.
#[derive(Debug)]
pub(crate) struct Admission {
    /// What a caller needs a permit of: strangers of all three, known readers of the last two, writers of the last.
    gates: [Arc<Semaphore>; 3],
    max_running: [usize; 3],
    waiting_strangers: AtomicU32,
    waiting_known: AtomicU32,
    max_waiting: u32,
}

/// The right to run, given back when dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    _permits: Vec<OwnedSemaphorePermit>,
}

impl Admission {
    pub(crate) fn new(max_running: u32, max_waiting: u32) -> Self {
        // With a single turn, a stranger would have what is kept for the server.
        let all = (max_running as usize).max(2);
        let readers = all - (all / TURNS_FOR_WRITERS).max(1);
        let strangers = readers - (all / TURNS_FOR_KNOWN_READERS).max(1).min(readers - 1);
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let strangers = strangers.min(processors * STRANGERS_TURNS_A_PROCESSOR);
        let max_running = [strangers, readers, all];
        Self {
            gates: max_running.map(|turns| Arc::new(Semaphore::new(turns))),
            max_running,
            waiting_strangers: AtomicU32::new(0),
            waiting_known: AtomicU32::new(0),
            max_waiting,
        }
    }

    /// A turn; code 202 if too many wait already, or for too long.
    pub(crate) async fn enter(&self, caller: Caller) -> Result<Turn, Exception> {
        let (first, waiting) = match caller {
            Caller::Stranger(_) => (0, &self.waiting_strangers),
            Caller::Reader => (1, &self.waiting_known),
            Caller::Writer => (2, &self.waiting_known),
        };
        let gates = &self.gates[first..];
        let at_once: Result<Vec<_>, _> = gates.iter().map(|gate| gate.clone().try_acquire_owned()).collect();
        if let Ok(permits) = at_once {
            return Ok(Turn { _permits: permits });
        }
        let refusal = || self.refusal(self.max_running[first]);
        let _place = self.queue(waiting).ok_or_else(refusal)?;
        let wait = async {
            let mut permits = Vec::with_capacity(gates.len());
            // Always in this order, so that nobody waits for somebody who waits for him.
            for gate in gates {
                permits.push(gate.clone().acquire_owned().await.ok()?);
            }
            Some(Turn { _permits: permits })
        };
        tokio::time::timeout(TURN_WAIT, wait).await.ok().flatten().ok_or_else(refusal)
    }

    fn queue<'a>(&self, waiting: &'a AtomicU32) -> Option<Place<'a>> {
        let taken = waiting.fetch_add(1, Ordering::AcqRel);
        let place = Place(waiting);
        (taken < self.max_waiting).then_some(place)
    }

    fn refusal(&self, running: usize) -> Exception {
        Exception::new(
            Kind::TooManySimultaneousQueries,
            format_args!(
                "Too many simultaneous queries. {running} run and up to {} may wait",
                self.max_waiting
            ),
        )
    }
}

/// A place in the queue, given back when dropped.
struct Place<'a>(&'a AtomicU32);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
