//! Errors from any program, one a body.

use super::{EventSource, Events, Rejected, SourceError, clamp};
use crate::event::{self, Content, Event, KeyField, RequestKey, Senders};
use log_center_wire::limits::REPORT_BODY_BYTES;
use log_center_wire::{ErrorReport, Fingerprint, UnixMillis};
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// What a report is known by when it is an event already.
pub struct Report {
    project: String,
    event_id: Option<String>,
    fingerprint: Fingerprint,
}

/// The answer to a report: exactly these four keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReportAnswer {
    /// `ok` if the report made its issue, else `duplicate`.
    #[schema(example = "ok")]
    status: &'static str,
    /// The issue; below 2^53.
    #[schema(example = 6844892449514628u64)]
    id: u64,
    /// 32 hex digits.
    #[schema(example = "c28b25b7d52420836670e6e071f446f4")]
    fingerprint: String,
    /// Whether the report made its issue.
    is_new: bool,
}

impl EventSource for Report {
    const ORIGIN: event::Source = event::Source::Report;
    /// `text/plain` is what a browser's beacon says.
    const CONTENT_TYPES: &'static [&'static str] = &["application/json", "text/plain"];
    const WIRE_BYTES: usize = REPORT_BODY_BYTES;
    const BODY_BYTES: usize = REPORT_BODY_BYTES;
    const BODY_TIMEOUT: Duration = Duration::from_secs(10);
    type Answer = ReportAnswer;

    fn read<'b>(body: &'b [u8], events: &mut Events<'b>) -> Result<Self, SourceError> {
        let report = ErrorReport::decode(body).map_err(SourceError::Document)?;
        let read = Self {
            project: report.project_id.clone(),
            event_id: report.event_id.clone(),
            fingerprint: report.fingerprint(),
        };
        events.accept(event(report, events.received_at));
        Ok(read)
    }

    /// The report is its event: what names the one names the other, and a repeated one gets the first answer.
    fn keys(&self, key: Option<&str>, _: &Senders, body: &[u8]) -> Vec<RequestKey> {
        let keys = [(KeyField::Header, key), (KeyField::EventId, self.event_id.as_deref())];
        let of_report = |(field, key): (KeyField, Option<&str>)| {
            Some(RequestKey::of_report(field, &self.project, key?, Content::of(body)))
        };
        keys.into_iter().filter_map(of_report).collect()
    }

    fn answer(self, is_new: bool, _: usize, _: Vec<Rejected>) -> ReportAnswer {
        ReportAnswer {
            status: if is_new { "ok" } else { "duplicate" },
            id: self.fingerprint.issue_id(&self.project).get(),
            fingerprint: self.fingerprint.to_string(),
            is_new,
        }
    }
}

/// The event that a report is. It has no identity: its keys are those of the whole request.
fn event<'b>(report: ErrorReport, received_at: UnixMillis) -> Event<'b> {
    let fingerprint = report.fingerprint();
    let (time, client_time) = clamp(report.timestamp.unwrap_or(received_at), received_at);
    Event {
        received_at,
        time,
        client_time: client_time.into(),
        source: event::Source::Report,
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
        attributes: report.context.into(),
        ..Event::empty(report.project_id.into())
    }
}
