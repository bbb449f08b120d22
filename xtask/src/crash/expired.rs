//! Records that are past their retention when they come. ClickHouse removes them soon after they were inserted, so that
//! only the tables of sums tell whether each was counted once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, anyhow, bail};
use serde_json::json;

use super::client::{Address, Client, Reply};
use super::findings::Findings;
use super::witness::Witness;
use crate::interrupt;

/// Who writes them. Sums over all other events leave this service out.
pub(super) const SERVICE: &str = "crash_expired";

/// What the server under test is told: two days for this service.
pub(super) const RETENTION: (&str, &str) = ("LOG_CENTER_RETENTION", "400, crash_expired=2");

/// How old the records are, in days: some of a batch are kept, some not.
const AGES_DAYS: [u64; 3] = [9, 1, 9];

const BATCH_RECORDS: usize = 60;

/// The pause between two batches and between two tries.
const PAUSE: Duration = Duration::from_millis(150);

/// A running sender.
#[derive(Debug)]
pub(super) struct Expired {
    stop: Arc<AtomicBool>,
    sender: JoinHandle<Result<u64>>,
}

impl Expired {
    /// Sends batches with a key, each until it is answered.
    pub(super) fn start(address: Address, round: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        Self { stop, sender: thread::spawn(move || send(&Client::new(address), round, &stopped)) }
    }

    /// Ends with the batch that is on its way, and says how many records were acknowledged. The server has to be up.
    pub(super) fn end(self) -> Result<u64> {
        self.stop.store(true, Ordering::Relaxed);
        self.sender.join().map_err(|_| anyhow!("the sender of expired records panicked"))?
    }
}

fn send(client: &Client, round: u32, stopped: &AtomicBool) -> Result<u64> {
    let mut acknowledged = 0;
    for number in 0_u32.. {
        if stopped.load(Ordering::Relaxed) || interrupt::check().is_err() {
            break;
        }
        let days = AGES_DAYS[number as usize % AGES_DAYS.len()];
        let at = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        let record = |index: usize| {
            // In every other batch half of the records are still kept: a batch is one day, so these come apart.
            let days = if number.is_multiple_of(2) && index.is_multiple_of(2) { 0 } else { days };
            let time_ms = at - u128::from(days) * 86_400_000;
            json!({"v": 1, "name": SERVICE, "hostname": "h", "pid": 1, "level": 30, "msg": "long ago",
                   "time": u64::try_from(time_ms).unwrap_or_default(), "extra": format!("expired={round}-{number}-{index}")})
        };
        let records: Vec<_> = (0..BATCH_RECORDS).map(record).collect();
        let (key, body) = (format!("expired-{round}-{number}"), serde_json::to_string(&records)?);
        loop {
            match client.post("/api/v1/events", Some(&key), &body) {
                Reply::Answered(_) => break,
                Reply::Wrong(what) => bail!("expired records were answered {what}"),
                Reply::Refused | Reply::NotSent | Reply::Unclear => interrupt::check()?,
            }
            thread::sleep(PAUSE);
        }
        acknowledged += BATCH_RECORDS as u64;
        thread::sleep(PAUSE);
    }
    Ok(acknowledged)
}

/// Compares what was acknowledged in all rounds with what was counted, for no longer than `patience`.
pub(super) fn compare(witness: &Witness, acknowledged: u64, patience: Duration) -> Result<Findings> {
    let mut counted = Ok(0);
    let settled = interrupt::poll(Instant::now() + patience, || {
        counted = witness.counted(SERVICE);
        counted.as_ref().is_ok_and(|counted| *counted == acknowledged).then_some(())
    });
    interrupt::check()?;
    let mut findings = Findings::default();
    if settled.is_none() {
        let counted = counted?;
        let what = || format!("{acknowledged} were acknowledged, {counted} counted");
        if counted < acknowledged {
            findings.lose(acknowledged - counted, SERVICE, what);
        } else {
            findings.double(counted - acknowledged, SERVICE, what);
        }
    }
    Ok(findings)
}
