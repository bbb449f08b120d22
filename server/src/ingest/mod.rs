//! From what was sent to what is stored: one pure path for reports and records alike.
//!
//! Nothing here looks at a clock, a disk or a network: the receiving time is handed in, and whether an event is
//! new, a duplicate or a regression is for the spool to say.

pub mod batch;
mod fast;
mod route;

use crate::event::retention::Retention;
use crate::event::{Event, Identity, Source};
use log_center_wire::{ErrorReport, Record, UnixMillis, limits};
use route::{Asked, of_path as route_of};

/// Turns a report into an event. It has no identity: its keys are those of the whole request.
pub fn report(report: ErrorReport, received_at: UnixMillis, retention: &Retention) -> Event<'static> {
    let fingerprint = report.fingerprint();
    let (time, client_time) = clamp(report.timestamp.unwrap_or(received_at), received_at);
    Event {
        received_at,
        time,
        client_time: client_time.into(),
        source: Source::Report,
        environment: report.environment.into(),
        version: report.version.into(),
        commit_hash: report.commit_hash.into(),
        level: report.level.number(),
        // Constant per kind of error, so that events can be counted by it; the data is in err_msg.
        msg: report.error_type.clone().into(),
        req_id: report.request_id.map(|id| id.as_str().to_owned()).unwrap_or_default().into(),
        uid: report.user_id.into(),
        fingerprint: Some(fingerprint),
        err_type: report.error_type.into(),
        err_msg: report.message.into(),
        err_stack: report.stack_trace.join("\n").into(),
        err_file_path: report.file_path.into(),
        err_line_number: report.line_number,
        event_id: report.event_id.unwrap_or_default().into(),
        retention_days: retention.days(&report.project_id, ""),
        attributes: report.context.into(),
        ..Event::empty(report.project_id.into())
    }
}

/// Turns a record into an event. `identity` gives what it is known by if it is an occurrence of an issue and has no id of
/// its own.
fn record<'a>(mut record: Record, received_at: UnixMillis, identity: impl FnOnce() -> Identity) -> Event<'a> {
    let (time, client_time) = clamp(record.time, received_at);
    let fingerprint = record.fingerprint();
    let identity = fingerprint.map(|_| match &record.event_id {
        Some(id) => Identity::of_event(&record.name, id),
        None => identity(),
    });
    let Asked { method, route, status } = Asked::of(&record.event, &record.extra, &record.client.url);
    let (method, route) = (method.into_owned().into(), route.into_owned().into());
    let service_route = route_of(&record.service_req.path).into_owned().into();
    let err = record.err.take().unwrap_or_default();
    Event {
        received_at,
        time,
        client_time: client_time.into(),
        source: Source::Record,
        method,
        route,
        status,
        fingerprint,
        err_type: err.error_type.into(),
        err_msg: err.msg.into(),
        err_stack: err.stack.into(),
        err_file_path: err.file_path.into(),
        err_line_number: err.line_number,
        service_route,
        perf_rss: record.perf.map(|perf| perf.rss),
        perf_cpu: record.perf.map(|perf| perf.cpu),
        event_id: record.event_id.take().unwrap_or_default().into(),
        identity,
        ..Event::sent(&mut record)
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
