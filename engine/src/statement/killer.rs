//! The thread that ends statements.
//!
//! libchdb has no call that ends a statement on another thread, and gives statements ids of its own.
//! `KILL QUERY` on a second connection works at any moment, so every statement carries its query id in
//! the setting `log_comment`, which `system.processes` shows and `KILL QUERY` can filter by.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::running::Entry;
use crate::chdb::{Connection, Engine};
use crate::exception::Exception;

/// How often a statement that should end is told so again: the first `KILL QUERY` may come before
/// ClickHouse knows of the statement.
const KILL_AGAIN: Duration = Duration::from_millis(100);

const KILL: &str = "KILL QUERY WHERE has({ids:Array(String)}, Settings['log_comment']) ASYNC FORMAT Null";

/// The thread: repeats each order until its statement has ended.
pub(super) fn run(engine: &Engine, orders: &mpsc::Receiver<Arc<Entry>>) {
    // Kept, because a new one may be refused when memory is short, which is when it is needed most.
    let mut connection = None;
    let mut condemned: Vec<Arc<Entry>> = Vec::new();
    loop {
        if condemned.is_empty() {
            match orders.recv() {
                Ok(entry) => condemned.push(entry),
                Err(mpsc::RecvError) => return,
            }
        }
        condemned.extend(orders.try_iter());
        condemned.retain(|entry| !entry.has_ended());
        if condemned.is_empty() {
            continue;
        }
        if let Err(exception) = kill_all(engine, &mut connection, &condemned) {
            tracing::warn!(statements = condemned.len(), %exception, "cannot cancel; trying again");
            connection = None;
        }
        match orders.recv_timeout(KILL_AGAIN) {
            Ok(entry) => condemned.push(entry),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn kill_all(
    engine: &Engine,
    connection: &mut Option<Connection>,
    condemned: &[Arc<Entry>],
) -> Result<(), Exception> {
    let ids: Vec<String> = condemned
        .iter()
        .map(|entry| format!("'{}'", entry.id.replace('\\', "\\\\").replace('\'', "\\'")))
        .collect();
    let parameters = [("ids".to_owned(), format!("[{}]", ids.join(",")))];
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(engine.connect(&[])?),
    };
    connection.query(KILL, "Null", &parameters).map(drop)
}
