//! `KILL QUERY` of statements by their query ids.
//!
//! libchdb gives statements ids of its own, so that ClickHouse would find none by the id that a client knows.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::Caller;
use super::running::{Found, Running};
use crate::limits::END_TIME;
use crate::sql::{KillId, kill_order};

/// How often `SYNC` looks whether the statements have ended.
const LOOK: Duration = Duration::from_millis(5);

/// Makes the answer, as ClickHouse has it, of what [`obey`] gives.
pub(super) const ANSWER: &str = "SELECT killed.1 AS kill_status, killed.2 AS query_id, killed.3 AS user, killed.4 AS query FROM \
     (SELECT arrayJoin({killed:Array(Tuple(String, String, String, String))}) AS killed)";

/// What to end, and how to answer.
#[derive(Debug)]
pub(super) struct Order {
    ids: Vec<String>,
    only_shows: bool,
    waits: bool,
    pub(super) format: Option<String>,
}

/// `None` if it is another statement, or names statements by something else.
pub(super) fn understand(sql: &str, parameters: &[(String, String)]) -> Option<Order> {
    let wanted = kill_order(sql)?;
    let value = |wanted: &str| {
        parameters.iter().rev().find(|(name, _)| name == wanted).map(|(_, value)| value.clone())
    };
    let ids = wanted.ids.iter().map(|id| match id {
        KillId::Text(id) => Some((*id).to_owned()),
        KillId::Parameter(name) => value(name),
    });
    Some(Order {
        ids: ids.collect::<Option<_>>()?,
        only_shows: wanted.only_shows,
        waits: wanted.waits,
        format: wanted.format.map(str::to_owned),
    })
}

/// Ends the statements, and gives what [`ANSWER`] wants to know: the value of its parameter.
pub(super) fn obey(running: &Running, order: &Order, caller: Caller) -> String {
    let found = running.find(&order.ids, caller);
    if !order.only_shows {
        for Found { entry, .. } in &found {
            running.cancel(entry);
        }
    }
    if order.waits && !order.only_shows {
        let begun = Instant::now();
        while begun.elapsed() < END_TIME && found.iter().any(|found| !found.entry.has_ended()) {
            std::thread::sleep(LOOK);
        }
    }
    let mut text = String::from("[");
    for (number, Found { id, text: sql, entry }) in found.iter().enumerate() {
        let status = if entry.has_ended() { "finished" } else { "waiting" };
        let user = entry.user();
        let separator = if number == 0 { "" } else { "," };
        // Writing into a `String` cannot fail.
        _ = write!(text, "{separator}('{status}','{}','{user}','{}')", escaped(id), escaped(sql));
    }
    text.push(']');
    text
}

/// Inside of quotes, in the value of a parameter, which ClickHouse reads as a line of TSV at first.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "\\'").replace('\0', "")
}
