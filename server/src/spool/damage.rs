//! What is told when the spool, or the ClickHouse behind it, has less than it had.

use std::fmt;

/// What is lost, and what to do about it.
#[derive(Debug, Clone)]
pub struct Loss {
    /// Events that were acknowledged and are gone, at most.
    pub events: u64,
    /// What happened.
    pub reason: String,
    /// What to do.
    pub action: &'static str,
    /// The first and the last batch that were being sent when the spool was damaged: ClickHouse may have them in part, and
    /// the spool may lack what would complete them.
    pub half_sent: Option<(u64, u64)>,
}

/// What was found when the spool was compared with its mark.
#[derive(Debug, Clone, Default)]
pub(super) struct Damage {
    /// Acknowledged events that are gone.
    pub(super) lost_events: u64,
    /// What was being sent: some of them may be in ClickHouse.
    pub(super) half_sent: Option<(u64, u64)>,
    /// The spool is older than its mark.
    pub(super) is_rolled_back: bool,
    /// The spool, or all of its state, is gone.
    pub(super) is_gone: bool,
    /// Parts of the spool that are gone.
    pub(super) missing: Vec<&'static str>,
    /// The mark is gone or damaged.
    pub(super) is_unmarked: bool,
    /// The mark is that of another spool.
    pub(super) is_another: bool,
}

impl Damage {
    /// For those who lose nothing by it, too: what is remembered may have been lost.
    const ACTION: &'static str = "Look after the disk, and send again what the senders still have. Nothing that is in \
        ClickHouse is lost or doubled, and the issues are read from it; but an idempotency key of the last day may have been \
        forgotten, so what is sent again with it may be kept twice.";

    const UNMARKED: &'static str = "If the directory of the spool is a copy, stop the server and take a newer one: what waits \
        in an older copy and is in ClickHouse already is doubled. Otherwise nothing is to be done, the mark is written anew.";

    pub(super) fn is_any(&self) -> bool {
        self.lost_events > 0
            || self.is_rolled_back
            || self.is_gone
            || !self.missing.is_empty()
            || self.is_unmarked
            || self.is_another
    }

    pub(super) fn loss(&self) -> Loss {
        let action = if self.is_unmarked { Self::UNMARKED } else { Self::ACTION };
        Loss { events: self.lost_events, reason: self.to_string(), action, half_sent: self.half_sent }
    }
}

const OLDER_STORE: &str = "If that was not intended, stop the server and bring the newest copy of the directory `clickhouse` of \
    LOG_CENTER_DATA_DIR back.";

/// Tells that ClickHouse lacks so many events that it had.
pub(super) fn store_loss(events: u64) -> Option<Loss> {
    if events == 0 {
        return None;
    }
    let reason = format!(
        "up to {events} events that were stored are gone: the directory of ClickHouse is an older copy than the spool"
    );
    metrics::counter!("log_center_lost_events_total").increment(events);
    tracing::error!(lost_events = events, action = OLDER_STORE, "{reason}");
    Some(Loss { events, reason, action: OLDER_STORE, half_sent: None })
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.lost_events, self.half_sent.is_some()) {
            (0, _) => f.write_str("no acknowledged event is known to be lost")?,
            (events, true) => write!(f, "up to {events} acknowledged events are lost")?,
            (events, false) => write!(f, "{events} acknowledged events are lost")?,
        }
        f.write_str(": ")?;
        if self.is_gone {
            f.write_str("the spool was deleted, or has lost its state")
        } else if !self.missing.is_empty() {
            write!(f, "parts of the spool are gone: {}", self.missing.join(", "))
        } else if self.is_rolled_back {
            f.write_str(
                "the spool is older than its mark; its journal is damaged, or an older copy was put back",
            )
        } else if self.is_another {
            f.write_str("the spool is not the one that its mark was written for")
        } else if self.lost_events > 0 {
            f.write_str("the spool has less than was acknowledged; its journal is damaged or was cut")
        } else {
            f.write_str("the mark of the spool is gone or damaged")
        }
    }
}
