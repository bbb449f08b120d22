//! The columns of `event_store`, and what can take a row of them.

use std::sync::LazyLock;

/// Names and types of what [`Event::write`](super::Event::write) hands over, in its order. `batch`, which is not known before the
/// event is about to be inserted, is not among them: whoever inserts puts it first.
pub(crate) const COLUMNS: [(&str, &str); 47] = [
    ("received_at", TIME),
    ("time", TIME),
    ("client_time", STRING),
    ("source", WORD),
    ("project", WORD),
    ("environment", WORD),
    ("version", WORD),
    ("commit_hash", WORD),
    ("level", "UInt8"),
    ("scope", WORD),
    ("event", WORD),
    ("hostname", WORD),
    ("pid", "UInt32"),
    ("msg", WORD),
    ("extra", STRING),
    ("req_id", STRING),
    ("span_id", STRING),
    ("parent_id", STRING),
    ("uid", STRING),
    ("rrdid", STRING),
    ("url", STRING),
    ("ip", STRING),
    ("ua", WORD),
    ("tm", "Nullable(Float64)"),
    ("method", WORD),
    ("route", WORD),
    ("status", "UInt16"),
    ("issue_id", "UInt64"),
    ("fingerprint", "FixedString(16)"),
    ("err_type", WORD),
    ("err_msg", STRING),
    ("err_stack", STRING),
    ("err_file_path", WORD),
    ("err_line_number", "UInt32"),
    ("service_host", WORD),
    ("service_path", STRING),
    ("service_route", WORD),
    ("service_payload", STRING),
    ("service_http_code", "Nullable(UInt16)"),
    ("service_tm", "Nullable(Float64)"),
    ("service_body", STRING),
    ("service_err", STRING),
    ("perf_rss", "Nullable(UInt64)"),
    ("perf_cpu", "Nullable(Float64)"),
    ("event_id", STRING),
    ("retention_days", "UInt16"),
    ("attributes", STRING),
];

const TIME: &str = "DateTime64(3, 'UTC')";
const STRING: &str = "String";
pub(super) const WORD: &str = "LowCardinality(String)";

/// The names for an `INSERT`, `batch` first.
pub(crate) static COLUMN_NAMES: LazyLock<String> = LazyLock::new(|| {
    let names: Vec<_> = COLUMNS.iter().map(|(name, _)| *name).collect();
    format!("batch, {}", names.join(", "))
});

/// The same of rows that a spool of the first version holds.
pub(crate) const COLUMN_NAMES_1: &str = "batch, received_at, time, client_time, source, project, environment, \
    version, commit_hash, level, scope, event, hostname, pid, msg, extra, req_id, span_id, parent_id, uid, rrdid, url, \
    ip, ua, tm, issue_id, fingerprint, err_type, err_msg, err_stack, err_file_path, err_line_number, service_host, \
    service_path, service_payload, service_http_code, service_tm, service_body, service_err, perf_rss, perf_cpu, \
    event_id, attributes";

/// What takes the values of one row after the other, in the order of [`COLUMNS`].
pub(crate) trait Columns {
    fn u8(&mut self, value: u8) -> &mut Self;
    fn u16(&mut self, value: u16) -> &mut Self;
    fn u32(&mut self, value: u32) -> &mut Self;
    fn u64(&mut self, value: u64) -> &mut Self;
    /// `DateTime64(3)`.
    fn i64(&mut self, value: i64) -> &mut Self;
    /// `FixedString(16)`.
    fn fixed(&mut self, value: &[u8; 16]) -> &mut Self;
    /// `String`.
    fn string(&mut self, value: &str) -> &mut Self;
    /// `LowCardinality(String)`.
    fn word(&mut self, value: &str) -> &mut Self;
    /// `Nullable` of a number, given as its little-endian bytes.
    fn nullable<const N: usize>(&mut self, value: Option<[u8; N]>) -> &mut Self;
}

/// A length as LEB128, as ClickHouse writes it before strings.
pub(crate) fn push_varint(out: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// A string with its length.
pub(crate) fn push_string(out: &mut Vec<u8>, text: &str) {
    push_varint(out, text.len());
    out.extend_from_slice(text.as_bytes());
}
