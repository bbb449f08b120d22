//! The table of fields: one row a column of `event_store`.
//!
//! What follows from a row is said in [`event`](super), what may stand in it in `table.rs`. Rows of the same
//! object of a record (`err.type`, `err.msg`) stand together.
//!
//! A new column is a row with `since` one more than `VERSION`, and a migration that adds it: rows that wait in the spool of the
//! program before are inserted without it. A column that goes or changes its type is more: older rows no longer fit, so
//! `FIRST_VERSION` is raised, and the program refuses a spool in which any wait.

use super::encode::Columns;
use super::field::Kind;
use super::kind::{
    ColumnType, IssueFingerprint, Json, Number, Optional, Shown, Text, Timestamp, Verdict, Way, Word,
};
use super::retention::DEFAULT_RETENTION_DAYS;
use super::table::{Column, Member, columns, given, is_given};
use super::{HopState, Identity};
use serde::Deserialize;
use std::borrow::Cow;
use std::sync::LazyLock;
use utoipa::openapi::schema::ObjectBuilder;

columns! {
    members {
        /// When it happened, by the clock of the client unless that was wild
        time: Timestamp { record "time" always; }
        /// When the server accepted it
        received_at: Timestamp { record "received_at" always; }
        /// The time that the client sent if it was wild and is therefore not used, else empty
        client_time: Text { record "client_time"; }
        /// report or record: by which way it came
        source: Way { record "source" always; search Kind::LowerWord.named("source", &[]); }
        /// project_id of a report, name of a record
        project: Word {
            sent name;
            record "project" always;
            search Kind::Word.named("service", &["project", "name"]);
        }
        /// development, staging, production or another word in lower case
        environment: Word {
            sent environment;
            record "environment";
            search Kind::LowerWord.named("environment", &["env"]);
        }
        /// Version of the program
        version: Word { sent version; record "version"; search Kind::Word.named("version", &[]); }
        /// Git commit of the program
        commit_hash: Word {
            sent commit_hash;
            record "commit_hash";
            search Kind::Word.named("commit_hash", &["commit"]);
        }
        /// Number of bunyan: 60 fatal, 50 error, 40 warn, 30 info, 20 debug, 10 trace
        level: Number<u8> { sent level; record "level" always; search Kind::Level.named("level", &[]); }
        /// desc, stat, visit or biz
        scope: Word { sent scope; record "scope"; search Kind::LowerWord.named("scope", &[]); }
        /// client-req, service-start, service-end, service-err, trace or client-res
        event: Word { sent event; record "event"; search Kind::LowerWord.named("event", &[]); }
        /// Which module or logger of the program wrote it
        target: Word {
            sent target;
            record "target";
            search Kind::Word.named("target", &["logger"]);
            views ["errors", "biz_events"];
            since 4;
        }
        /// Host of the program
        hostname: Word {
            sent hostname;
            record "hostname" always;
            search Kind::Word.named("hostname", &["host"]);
        }
        /// Process of the program, 0 = unknown
        pid: Number<u32> { sent pid; record "pid" always; search Kind::Id.named("pid", &[]); }
        /// The constant text
        msg: Word { sent msg; record "msg" always; search Kind::Text.named("msg", &["message"]); }
        /// Everything else, k=v k2=v2
        extra: Text { sent extra; record "extra"; search Kind::Text.named("extra", &[]); }
        /// The request that it belongs to
        req_id: Text {
            sent req_id;
            record "req_id";
            search Kind::Word.named("req_id", &["request_id", "request"]);
        }
        /// The hop of the request that wrote it
        span_id: Text { sent span_id; record "span_id"; search Kind::Word.named("span_id", &[]); }
        /// The hop before that
        parent_id: Text { sent parent_id; record "parent_id"; search Kind::Word.named("parent_id", &[]); }
        /// User
        uid: Text { sent uid; record "uid"; search Kind::Word.named("uid", &["user", "user_id"]); }
        /// Client: long-lived cookie or device
        rrdid: Text { sent rrdid; record "rrdid"; search Kind::Word.named("rrdid", &[]); }
        /// What the client asked for
        url: Text { sent client.url; record "d.url" always; search Kind::Text.named("url", &[]); }
        /// Address of the client
        ip: Text { sent client.ip; record "d.ip" always; search Kind::Word.named("ip", &[]); }
        /// User agent of the client
        ua: Word { sent client.ua; record "d.ua" always; search Kind::Text.named("ua", &["user_agent"]); }
        /// Handling time of the request in milliseconds
        tm: Optional<f64> { sent tm; record "tm"; search Kind::Number.named("tm", &["duration_ms"]); }
        /// HTTP method of the request, of client-req and client-res
        method: Word { search Kind::Word.named("method", &[]); }
        /// Matched path of the request, as /users/{id}, of client-req and client-res
        route: Word { search Kind::Word.named("route", &[]); }
        /// HTTP status of the answer, of client-res; 0 = none
        status: Number<u16> { search Kind::Id.named("status", &[]); }
        /// Fingerprint of the issue that it is an occurrence of, in lower-case hex; empty = none
        fingerprint: IssueFingerprint {}
        /// Type of the error
        err_type: Word { record "err.type" always; search Kind::Word.named("err.type", &["type"]); }
        /// What the error says
        err_msg: Text { record "err.msg" always; search Kind::Text.named("err.msg", &["err", "error"]); }
        /// Its stack, lines joined by line feeds
        err_stack: Text { record "err.stack" always; search Kind::Text.named("err.stack", &["stack"]); }
        /// File that raised it
        err_file_path: Word {
            record "err.file_path" always;
            search Kind::Word.named("err.file_path", &["file"]);
        }
        /// Line in that file, 0 = unknown
        err_line_number: Number<u32> {
            record "err.line_number" always;
            search Kind::Id.named("err.line_number", &["line"]);
        }
        /// Called host
        service_host: Word {
            sent service_req.host;
            record "service_req.host" always;
            search Kind::Word.named("service_req.host", &["called"]);
        }
        /// Called path
        service_path: Text {
            sent service_req.path;
            record "service_req.path" always;
            search Kind::Word.named("service_req.path", &[]);
        }
        /// Called path with numbers and ids replaced by {id}
        service_route: Word { search Kind::Word.named("service_req.route", &[]); }
        /// What was sent there
        service_payload: Text {
            sent service_req.payload;
            record "service_req.payload";
            search Kind::Text.named("service_req.payload", &[]);
        }
        /// HTTP status of the answer
        service_http_code: Optional<u16> {
            sent service_res.http_code;
            record "service_res.http_code";
            search Kind::Number.named("service_res.http_code", &["http_code"]);
        }
        /// Duration of the call in milliseconds
        service_tm: Optional<f64> {
            sent service_res.tm;
            record "service_res.tm";
            search Kind::Number.named("service_res.tm", &[]);
        }
        /// The answer
        service_body: Text {
            sent service_res.body;
            record "service_res.body";
            search Kind::Text.named("service_res.body", &[]);
        }
        /// Why there is none
        service_err: Text {
            sent service_res.err;
            record "service_res.err";
            search Kind::Text.named("service_res.err", &[]);
        }
        /// Resident memory in bytes
        perf_rss: Optional<u64> { record "perf.rss" always; search Kind::Number.named("perf.rss", &["rss"]); }
        /// Percent of one core
        perf_cpu: Optional<f64> { record "perf.cpu" always; search Kind::Number.named("perf.cpu", &["cpu"]); }
        /// The id that the client gave to the event
        event_id: Text { record "event_id"; search Kind::Word.named("event_id", &[]); }
        /// Days after which the event is deleted
        retention_days: Number<u16> { empty DEFAULT_RETENTION_DAYS; }
        /// JSON object: the context of a report, the unknown keys of a record; empty = none
        attributes: Json {
            sent attributes;
            record "attributes";
            search Kind::Text.named("attributes", &["context"]);
        }
    }
    computed {
        /// The issue that it is an occurrence of, 0 = none
        issue_id: Number<u64> = issue_id { record "issue_id"; search Kind::Id.named("issue", &["issue_id"]); }
        /// How the hop ended whose end it is: ok, error or unfinished; empty = it is no end
        state: Verdict = HopState::of {
            record "state";
            search Kind::LowerWord.named("state", &[]);
            views ["requests", "calls"];
        }
    }
}

/// The first version of rows that this program can still send.
pub(crate) const FIRST_VERSION: u8 = 3;

/// The version of the rows that this program writes.
pub(crate) const VERSION: u8 = newest(COLUMNS);

/// Name and type of the column that says which insert brought a row. It is put before the others when that is known.
pub(crate) const BATCH: (&str, &str) = ("batch", "UInt64");

/// Name and type of the column that tells events of one batch and millisecond apart.
pub(crate) const ORDINAL: (&str, &str) = ("ordinal", "UInt32");

/// The `id` of a row of `event_store`, as SQL: time in milliseconds, batch, and which of the events of both it is.
pub(crate) const ID_SQL: &str =
    "concat(toString(toUnixTimestamp64Milli(time)), '-', toString(batch), '-', toString(ordinal))";

/// The names of the columns of rows of this version for an `INSERT`, `batch` and `ordinal` first; `None` for a version that
/// this program does not know.
pub(crate) fn names(version: u8) -> Option<&'static str> {
    static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
        let of_version = |version: u8| {
            let known = COLUMNS.iter().filter(|column| column.since <= version).map(|column| column.name);
            [BATCH.0, ORDINAL.0].into_iter().chain(known).collect::<Vec<_>>().join(", ")
        };
        (FIRST_VERSION..=VERSION).map(of_version).collect()
    });
    NAMES.get(usize::from(version.checked_sub(FIRST_VERSION)?)).map(String::as_str)
}

/// The columns of a [`Record`] for a statement that selects from `event_store AS e`.
pub(crate) static SELECT: LazyLock<String> = LazyLock::new(|| {
    let answered = COLUMNS.iter().filter(|column| column.record.is_some()).map(|column| column.name);
    let names = answered.chain([BATCH.0, ORDINAL.0]);
    names.map(|name| format!("e.{name} AS {name}")).collect::<Vec<_>>().join(", ")
});

fn issue_id(event: &Event<'_>) -> u64 {
    event.fingerprint.map_or(0, |fingerprint| fingerprint.issue_id().get())
}

const fn newest(columns: &[Column]) -> u8 {
    let (mut newest, mut at) = (FIRST_VERSION, 0);
    while at < columns.len() {
        if columns[at].since > newest {
            newest = columns[at].since;
        }
        at += 1;
    }
    newest
}

// What would otherwise go wrong without a word.
const _: () = {
    // An encoded block says the number of its columns in one byte.
    assert!(COLUMNS.len() < 256, "there are more columns than a block can say");
    // `ordinal` is made from the first column of an encoded row.
    assert!(matches!(COLUMNS[0].name.as_bytes(), b"time"), "time must be the first row of the table");
    let mut at = 0;
    while at < COLUMNS.len() {
        let column = &COLUMNS[at];
        assert!(!column.comment.is_empty(), "a row has no comment");
        // The length of a name or type is one byte in a block.
        assert!(column.name.len() < 128 && column.sql_type.len() < 128, "a name or type is too long");
        assert!(column.since >= FIRST_VERSION, "a column cannot be older than the oldest rows");
        assert!(
            column.since <= FIRST_VERSION || has_version(column.since - 1),
            "`since` leaves out a version"
        );
        at += 1;
    }
};

const fn has_version(version: u8) -> bool {
    let mut at = 0;
    while at < COLUMNS.len() {
        if COLUMNS[at].since == version {
            return true;
        }
        at += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_of_a_search_are_different() {
        let mut known = HashSet::new();
        for field in COLUMNS.iter().filter_map(|column| column.search.as_ref()) {
            for name in std::iter::once(&field.name).chain(field.aliases) {
                assert!(known.insert(*name), "two fields are called {name}");
            }
        }
    }

    #[test]
    fn members_of_an_object_stand_together() {
        let mut objects: Vec<_> =
            COLUMNS.iter().filter_map(|column| column.record).filter_map(|member| member.object).collect();
        objects.dedup();
        let different: HashSet<_> = objects.iter().collect();
        assert_eq!(different.len(), objects.len(), "{objects:?}");
    }

    #[test]
    fn rows_of_a_version_have_the_columns_of_that_time() {
        assert_eq!(names(FIRST_VERSION - 1), None);
        assert!(names(FIRST_VERSION).unwrap().starts_with("batch, ordinal, time, received_at, "));
        assert_eq!(names(VERSION).unwrap().split(", ").count(), COLUMNS.len() + 2);
        assert_eq!(names(VERSION + 1), None);
    }
}
