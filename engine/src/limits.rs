//! Every limit of the interface on connections, requests, turns and sessions, in one place.
//!
//! Limits of single statements are options ([`crate::Options`]) and settings ([`crate::judge::PARSER_LIMITS`]).

use std::time::Duration;

/// Open connections. For one more, the one that has been of least use is closed: one without a request before one
/// whose request is still coming, the oldest first, those that showed the password last.
pub(crate) const CONNECTIONS: usize = 1024;

/// Open connections of one address that have not shown the password. For one more, one of theirs is closed.
pub(crate) const STRANGERS_OF_ONE_ADDRESS: usize = 512;

/// Longest time from the first byte of a request's head to its last. Then the answer is 408.
pub(crate) const HEAD_TIME: Duration = Duration::from_secs(10);

/// Longest time that a connection stays open without a request; then it is closed.
pub(crate) const IDLE_TIME: Duration = Duration::from_secs(60);

/// Longest pause of a client inside the body of its request, ClickHouse's `http_receive_timeout`. Then the answer is code 209.
pub(crate) const BODY_PAUSE: Duration = Duration::from_secs(30);

/// Time that every body has, however little comes. After it, the body has to have come at [`BODY_BYTES_A_SECOND`].
pub(crate) const BODY_TIME: Duration = Duration::from_secs(30);

/// The slowest a body may come on the whole, bytes a second, once [`BODY_TIME`] is over. Then the answer is code 209.
pub(crate) const BODY_BYTES_A_SECOND: u64 = 4 << 10;

/// So much of a body comes before its statement gets a turn, bytes, or all of it. The rest is data of an INSERT.
pub(crate) const BODY_BYTES_BEFORE_TURN: usize = 64 << 10;

/// Largest body of somebody without the password, as it comes over the wire, bytes: the longest statement, and what packing
/// may add to what cannot be packed. A larger one is answered with code 229.
pub(crate) const STRANGERS_BODY_BYTES: usize = MAX_STATEMENT_BYTES + (64 << 10);

/// Bodies without the password that wait together, bytes. One more byte is answered with code 202.
pub(crate) const STRANGERS_BODIES_BYTES: usize = 64 << 20;

/// Longest text of a statement, without an INSERT's data, bytes. ClickHouse itself parses 256 KiB unless the setting
/// `max_query_size` says more. A longer one is answered with code 229.
pub(crate) const MAX_STATEMENT_BYTES: usize = 1 << 20;

/// Settings, parameters and whatever else the URL and a form have together. One more is answered with code 36.
pub(crate) const FIELDS: usize = 1000;

/// Longest time that a client may take nothing of its answer; then its statement is cancelled.
pub(crate) const ANSWER_PAUSE: Duration = Duration::from_secs(60);

/// Longest wait for a turn, as ClickHouse's `queue_max_wait_ms`. Then the answer is code 202.
pub(crate) const TURN_WAIT: Duration = Duration::from_secs(30);

/// One in so many turns is kept for who shows the password and writes, at least one.
pub(crate) const TURNS_FOR_WRITERS: usize = 4;

/// One in so many turns is kept for readers that show the password, at least one if there are three.
pub(crate) const TURNS_FOR_KNOWN_READERS: usize = 8;

/// Turns for each processor of this machine that are not kept for who shows the password, however many there are: with twenty long statements
/// on two processors, the server's own would have a turn and no processor.
pub(crate) const STRANGERS_TURNS_A_PROCESSOR: usize = 4;

/// How long after its time limit a statement is told to end, if it has not done so by itself.
pub(crate) const OVERTIME: Duration = Duration::from_secs(2);

/// How long after it was told to end a statement keeps its turn. Then it is given up: the client gets code 159, and the turn goes to
/// somebody else.
pub(crate) const END_TIME: Duration = Duration::from_secs(5);

/// Statements that were given up and go on without a turn, each of which keeps a thread. Further ones keep their turns. When so many
/// have not ended for `--stuck-seconds`, the engine stops, and whoever started it starts it again.
pub(crate) const STATEMENTS_THAT_DO_NOT_END: usize = 8;

/// How often that is looked at.
pub(crate) const OVERTIME_LOOK: Duration = Duration::from_millis(250);

/// How often it is looked at whether ClickHouse changed descriptions of tables by itself.
pub(crate) const DESCRIPTIONS_LOOK: Duration = Duration::from_secs(5);

/// Sessions of who shows the password. For one more, the one that was idle for longest is closed.
pub(crate) const SESSIONS: usize = 64;

/// Sessions of one address without the password. For one more, the one that was idle for longest is closed.
pub(crate) const SESSIONS_OF_ONE_ADDRESS: usize = 64;

/// Sessions of all addresses without the password.
pub(crate) const STRANGERS_SESSIONS: usize = 1024;

/// How long a session stays open after its last statement, if the client does not say.
pub(crate) const SESSION_TIME: Duration = Duration::from_secs(60);

/// Longest such time, as ClickHouse's `max_session_timeout`. A longer one is answered with code 36.
pub(crate) const SESSION_TIME_MAX: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: crate::Options,
    }

    /// `docs/operations.md` repeats these figures for people.
    #[test]
    fn the_documentation_has_the_same_figures() {
        let documentation = include_str!("../../docs/operations.md");
        let Line { options } = Line::try_parse_from(["log-center-engine"]).unwrap();
        let turns = usize::try_from(options.max_statements).unwrap();
        let (writers, readers) = (turns / TURNS_FOR_WRITERS, turns / TURNS_FOR_KNOWN_READERS);
        let rows = [
            (
                "statements at the same time",
                format!(
                    "{turns}: of these {writers} for who writes, {readers} for readers with the password, {} for everybody, but no \
                     more than {STRANGERS_TURNS_A_PROCESSOR} for each processor",
                    turns - writers - readers
                ),
            ),
            ("statements at the same time", format!("and {} s; then code 202", TURN_WAIT.as_secs())),
            ("a statement's turn", format!("{} KiB of its data", BODY_BYTES_BEFORE_TURN >> 10)),
            ("a request's head", format!("{} s", HEAD_TIME.as_secs())),
            (
                "a request's body",
                format!(
                    "a pause of {} s; after {} s in all, at least {} KiB a second",
                    BODY_PAUSE.as_secs(),
                    BODY_TIME.as_secs(),
                    BODY_BYTES_A_SECOND >> 10
                ),
            ),
            (
                "a body without the password",
                format!(
                    "{} MiB, all that wait {} MiB",
                    STRANGERS_BODY_BYTES >> 20,
                    STRANGERS_BODIES_BYTES >> 20
                ),
            ),
            (
                "connections",
                format!(
                    "{}, without the password {STRANGERS_OF_ONE_ADDRESS} of one address",
                    grouped(CONNECTIONS)
                ),
            ),
            ("a connection without a request", format!("{} s", IDLE_TIME.as_secs())),
            ("parameters in URL and form", grouped(FIELDS)),
            (
                "sessions",
                format!("with the password {SESSIONS}, without it {SESSIONS_OF_ONE_ADDRESS} of one address"),
            ),
            (
                "a statement over its time limit",
                format!(
                    "is told to end after {} s, given up {} s later",
                    OVERTIME.as_secs(),
                    END_TIME.as_secs()
                ),
            ),
            (
                "statements that were given up and go on",
                format!("{STATEMENTS_THAT_DO_NOT_END}, for {} s", options.stuck_seconds),
            ),
        ];
        for (what, figures) in rows {
            let row = documentation.lines().find(|line| line.starts_with(&format!("| {what}")));
            let row = row.unwrap_or_else(|| panic!("no row begins with {what:?}"));
            assert!(row.contains(&figures), "{row} has not {figures:?}");
        }
    }

    /// `1,024`.
    fn grouped(number: usize) -> String {
        if number < 1000 { number.to_string() } else { format!("{},{:03}", number / 1000, number % 1000) }
    }
}
