use super::Identity;
use super::columns::Columns;
use super::retention::DEFAULT_RETENTION_DAYS;
use log_center_wire::{Fingerprint, UnixMillis};
use std::borrow::Cow;

/// What the server accepted: one row of `event_store` to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Event<'a> {
    /// When it arrived.
    pub received_at: UnixMillis,
    /// When it happened, by the client's clock unless that was wild.
    pub time: UnixMillis,
    /// The client's own time if it was wild, else empty.
    pub client_time: Cow<'a, str>,
    /// By which way it came.
    pub source: Source,
    /// The project: a report's `project_id`, a record's `name`.
    pub project: Cow<'a, str>,
    /// Where it runs.
    pub environment: Cow<'a, str>,
    /// Version of the program.
    pub version: Cow<'a, str>,
    /// Its git commit.
    pub commit_hash: Cow<'a, str>,
    /// Bunyan's number.
    pub level: u8,
    /// `desc`, `stat`, `visit`, `biz`.
    pub scope: Cow<'a, str>,
    /// `client-req`, `trace`, …
    pub event: Cow<'a, str>,
    /// Host name.
    pub hostname: Cow<'a, str>,
    /// Process.
    pub pid: u32,
    /// The constant text.
    pub msg: Cow<'a, str>,
    /// `k=v k2=v2`.
    pub extra: Cow<'a, str>,
    /// Request id.
    pub req_id: Cow<'a, str>,
    /// The hop that wrote it.
    pub span_id: Cow<'a, str>,
    /// The hop before that.
    pub parent_id: Cow<'a, str>,
    /// User id.
    pub uid: Cow<'a, str>,
    /// Client id.
    pub rrdid: Cow<'a, str>,
    /// What the client asked for.
    pub url: Cow<'a, str>,
    /// The client's address.
    pub ip: Cow<'a, str>,
    /// The client's user agent.
    pub ua: Cow<'a, str>,
    /// Handling time of the request in milliseconds.
    pub tm: Option<f64>,
    /// HTTP method of the request; of `client-req` and `client-res`, like the next.
    pub method: Cow<'a, str>,
    /// Its matched path, as `/users/{id}`.
    pub route: Cow<'a, str>,
    /// HTTP status of the answer, of `client-res`; 0 = none.
    pub status: u16,
    /// The issue that it is an occurrence of.
    pub fingerprint: Option<Fingerprint>,
    /// Type of the error.
    pub err_type: Cow<'a, str>,
    /// What the error says.
    pub err_msg: Cow<'a, str>,
    /// Its stack, lines joined by line feeds.
    pub err_stack: Cow<'a, str>,
    /// The file that raised it.
    pub err_file_path: Cow<'a, str>,
    /// The line in that file; 0 = unknown.
    pub err_line_number: u32,
    /// The called host.
    pub service_host: Cow<'a, str>,
    /// The called path.
    pub service_path: Cow<'a, str>,
    /// The called path with numbers and ids replaced by `{id}`.
    pub service_route: Cow<'a, str>,
    /// What was sent there.
    pub service_payload: Cow<'a, str>,
    /// HTTP status of its answer.
    pub service_http_code: Option<u16>,
    /// Duration of the call in milliseconds.
    pub service_tm: Option<f64>,
    /// The answer.
    pub service_body: Cow<'a, str>,
    /// Why there is none.
    pub service_err: Cow<'a, str>,
    /// Resident memory in bytes.
    pub perf_rss: Option<u64>,
    /// Percent of one core.
    pub perf_cpu: Option<f64>,
    /// The client's own id of the event.
    pub event_id: Cow<'a, str>,
    /// Days after which it is deleted.
    pub retention_days: u16,
    /// A JSON object as text: a report's context, a record's unknown keys; or empty.
    pub attributes: Cow<'a, str>,
    /// What it is known by if it comes again; `None` = every arrival counts.
    pub identity: Option<Identity>,
}

/// By which way an event came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The report API.
    Report,
    /// A bunyan record.
    Record,
}

impl Source {
    /// Both of them.
    pub const ALL: [Source; 2] = [Source::Report, Source::Record];

    /// `report` or `record`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Source::Report => "report",
            Source::Record => "record",
        }
    }
}

impl<'a> Event<'a> {
    /// An event of a project of which nothing else is known.
    pub fn empty(project: Cow<'a, str>) -> Self {
        let text = || Cow::Borrowed("");
        Self {
            received_at: UnixMillis(0),
            time: UnixMillis(0),
            client_time: text(),
            source: Source::Record,
            project,
            environment: text(),
            version: text(),
            commit_hash: text(),
            level: 0,
            scope: text(),
            event: text(),
            hostname: text(),
            pid: 0,
            msg: text(),
            extra: text(),
            req_id: text(),
            span_id: text(),
            parent_id: text(),
            uid: text(),
            rrdid: text(),
            url: text(),
            ip: text(),
            ua: text(),
            tm: None,
            method: text(),
            route: text(),
            status: 0,
            fingerprint: None,
            err_type: text(),
            err_msg: text(),
            err_stack: text(),
            err_file_path: text(),
            err_line_number: 0,
            service_host: text(),
            service_path: text(),
            service_route: text(),
            service_payload: text(),
            service_http_code: None,
            service_tm: None,
            service_body: text(),
            service_err: text(),
            perf_rss: None,
            perf_cpu: None,
            event_id: text(),
            retention_days: DEFAULT_RETENTION_DAYS,
            attributes: text(),
            identity: None,
        }
    }

    /// Hands the values of all columns over, in the order of [`COLUMNS`](super::columns::COLUMNS).
    pub(crate) fn write(&self, out: &mut impl Columns) {
        let issue_id = self.fingerprint.map_or(0, |fingerprint| fingerprint.issue_id(&self.project).get());
        let fingerprint = self.fingerprint.map_or([0; 16], |fingerprint| *fingerprint.as_bytes());
        out.i64(self.received_at.0)
            .i64(self.time.0)
            .string(&self.client_time)
            .word(self.source.as_str())
            .word(&self.project)
            .word(&self.environment)
            .word(&self.version)
            .word(&self.commit_hash)
            .u8(self.level)
            .word(&self.scope)
            .word(&self.event)
            .word(&self.hostname)
            .u32(self.pid)
            .word(&self.msg)
            .string(&self.extra)
            .string(&self.req_id)
            .string(&self.span_id)
            .string(&self.parent_id)
            .string(&self.uid)
            .string(&self.rrdid)
            .string(&self.url)
            .string(&self.ip)
            .word(&self.ua)
            .nullable(self.tm.map(f64::to_le_bytes))
            .word(&self.method)
            .word(&self.route)
            .u16(self.status)
            .u64(issue_id)
            .fixed(&fingerprint)
            .word(&self.err_type)
            .string(&self.err_msg)
            .string(&self.err_stack)
            .word(&self.err_file_path)
            .u32(self.err_line_number)
            .word(&self.service_host)
            .string(&self.service_path)
            .word(&self.service_route)
            .string(&self.service_payload)
            .nullable(self.service_http_code.map(u16::to_le_bytes))
            .nullable(self.service_tm.map(f64::to_le_bytes))
            .string(&self.service_body)
            .string(&self.service_err)
            .nullable(self.perf_rss.map(u64::to_le_bytes))
            .nullable(self.perf_cpu.map(f64::to_le_bytes))
            .string(&self.event_id)
            .u16(self.retention_days)
            .string(&self.attributes);
    }
}
