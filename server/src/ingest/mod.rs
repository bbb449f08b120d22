//! From what was sent to what is stored: one pure path for reports and records alike.
//!
//! Nothing here looks at a clock, a disk or a network: the receiving time is handed in, and whether an event is
//! new, a duplicate or a regression is for the spool to say.

mod event;
mod identity;
pub mod retention;
mod route;
mod rowbinary;

pub use event::{Event, Source};
pub use identity::{Identity, KeySpace};
pub(crate) use rowbinary::RowWriter;

use route::{Asked, of_path as route_of};

use log_center_wire::{ErrorReport, Record, UnixMillis, limits};

/// Turns a report into an event.
pub fn report(report: ErrorReport, received_at: UnixMillis) -> Event {
    let fingerprint = report.fingerprint();
    let (time, client_time) = clamp(report.timestamp.unwrap_or(received_at), received_at);
    let identity = report.event_id.as_deref().map(|id| Identity::of_event(&report.project_id, id));
    Event {
        received_at,
        time,
        client_time,
        source: Source::Report,
        environment: report.environment,
        version: report.version,
        commit_hash: report.commit_hash,
        level: report.level.number(),
        // Constant per kind of error, so that events can be counted by it; the data is in err_msg.
        msg: report.error_type.clone(),
        req_id: report.request_id.map(|id| id.as_str().to_owned()).unwrap_or_default(),
        uid: report.user_id,
        fingerprint: Some(fingerprint),
        err_type: report.error_type,
        err_msg: report.message,
        err_stack: report.stack_trace.join("\n"),
        err_file_path: report.file_path,
        err_line_number: report.line_number,
        event_id: report.event_id.unwrap_or_default(),
        attributes: report.context,
        identity,
        ..Event::empty(report.project_id)
    }
}

/// Turns a record into an event. `line` is the record as it came, `ordinal` tells records apart that are equal
/// to the letter within one batch.
pub fn record(record: Record, line: &[u8], ordinal: u32, received_at: UnixMillis) -> Event {
    let (time, client_time) = clamp(record.time, received_at);
    let fingerprint = record.fingerprint();
    let identity = fingerprint.map(|_| match &record.event_id {
        Some(id) => Identity::of_event(&record.name, id),
        None => Identity::of_content(line, ordinal),
    });
    let err = record.err.unwrap_or_default();
    let Asked { method, route, status } = Asked::of(&record.event, &record.extra, &record.client.url);
    let (method, route) = (method.into_owned(), route.into_owned());
    let service_route = route_of(&record.service_req.path).into_owned();
    Event {
        received_at,
        time,
        client_time,
        source: Source::Record,
        environment: record.environment,
        version: record.version,
        commit_hash: record.commit_hash,
        level: record.level,
        scope: record.scope,
        event: record.event,
        hostname: record.hostname,
        pid: record.pid,
        msg: record.msg,
        extra: record.extra,
        req_id: record.req_id,
        span_id: record.span_id,
        parent_id: record.parent_id,
        uid: record.uid,
        rrdid: record.rrdid,
        url: record.client.url,
        ip: record.client.ip,
        ua: record.client.ua,
        tm: record.tm,
        method,
        route,
        status,
        fingerprint,
        err_type: err.error_type,
        err_msg: err.msg,
        err_stack: err.stack,
        err_file_path: err.file_path,
        err_line_number: err.line_number,
        service_host: record.service_req.host,
        service_path: record.service_req.path,
        service_route,
        service_payload: record.service_req.payload,
        service_http_code: record.service_res.http_code,
        service_tm: record.service_res.tm,
        service_body: record.service_res.body,
        service_err: record.service_res.err,
        perf_rss: record.perf.map(|perf| perf.rss),
        perf_cpu: record.perf.map(|perf| perf.cpu),
        event_id: record.event_id.unwrap_or_default(),
        attributes: record.attributes,
        identity,
        ..Event::empty(record.name)
    }
}

/// Client clocks lie. A time far from the receiving time is replaced by it; the original is kept as text.
fn clamp(time: UnixMillis, received_at: UnixMillis) -> (UnixMillis, String) {
    let sane = received_at.0 - limits::TIME_PAST_MS..=received_at.0 + limits::TIME_FUTURE_MS;
    if sane.contains(&time.0) {
        return (time, String::new());
    }
    (received_at, time.to_string())
}
