use super::retention::DEFAULT_RETENTION_DAYS;
use super::{Identity, RowWriter};
use log_center_wire::{Fingerprint, UnixMillis};

/// What the server accepted: one row of `event_store` to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When it arrived.
    pub received_at: UnixMillis,
    /// When it happened, by the client's clock unless that was wild.
    pub time: UnixMillis,
    /// The client's own time if it was wild, else empty.
    pub client_time: String,
    /// By which way it came.
    pub source: Source,
    /// The project: a report's `project_id`, a record's `name`.
    pub project: String,
    /// Where it runs.
    pub environment: String,
    /// Version of the program.
    pub version: String,
    /// Its git commit.
    pub commit_hash: String,
    /// Bunyan's number.
    pub level: u8,
    /// `desc`, `stat`, `visit`, `biz`.
    pub scope: String,
    /// `client-req`, `trace`, …
    pub event: String,
    /// Host name.
    pub hostname: String,
    /// Process.
    pub pid: u32,
    /// The constant text.
    pub msg: String,
    /// `k=v k2=v2`.
    pub extra: String,
    /// Request id.
    pub req_id: String,
    /// The hop that wrote it.
    pub span_id: String,
    /// The hop before that.
    pub parent_id: String,
    /// User id.
    pub uid: String,
    /// Client id.
    pub rrdid: String,
    /// What the client asked for.
    pub url: String,
    /// The client's address.
    pub ip: String,
    /// The client's user agent.
    pub ua: String,
    /// Handling time of the request in milliseconds.
    pub tm: Option<f64>,
    /// HTTP method of the request; of `client-req` and `client-res`, like the next.
    pub method: String,
    /// Its matched path, as `/users/{id}`.
    pub route: String,
    /// HTTP status of the answer, of `client-res`; 0 = none.
    pub status: u16,
    /// The issue that it is an occurrence of.
    pub fingerprint: Option<Fingerprint>,
    /// Type of the error.
    pub err_type: String,
    /// What the error says.
    pub err_msg: String,
    /// Its stack, lines joined by line feeds.
    pub err_stack: String,
    /// The file that raised it.
    pub err_file_path: String,
    /// The line in that file; 0 = unknown.
    pub err_line_number: u32,
    /// The called host.
    pub service_host: String,
    /// The called path.
    pub service_path: String,
    /// The called path with numbers and ids replaced by `{id}`.
    pub service_route: String,
    /// What was sent there.
    pub service_payload: String,
    /// HTTP status of its answer.
    pub service_http_code: Option<u16>,
    /// Duration of the call in milliseconds.
    pub service_tm: Option<f64>,
    /// The answer.
    pub service_body: String,
    /// Why there is none.
    pub service_err: String,
    /// Resident memory in bytes.
    pub perf_rss: Option<u64>,
    /// Percent of one core.
    pub perf_cpu: Option<f64>,
    /// The client's own id of the event.
    pub event_id: String,
    /// Days after which it is deleted.
    pub retention_days: u16,
    /// A JSON object as text: a report's context, a record's unknown keys; or empty.
    pub attributes: String,
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
    const fn as_str(self) -> &'static str {
        match self {
            Source::Report => "report",
            Source::Record => "record",
        }
    }
}

impl Event {
    /// The columns of `event_store` that [`write_row`](Self::write_row) writes, in its order. The first one, `batch`,
    /// is not known before the event is about to be inserted: whoever does that writes it before the row.
    pub const COLUMNS: &'static str = "batch, received_at, time, client_time, source, project, environment, \
        version, commit_hash, level, scope, event, hostname, pid, msg, extra, req_id, span_id, parent_id, uid, \
        rrdid, url, ip, ua, tm, method, route, status, issue_id, fingerprint, err_type, err_msg, err_stack, err_file_path, \
        err_line_number, service_host, service_path, service_route, service_payload, service_http_code, \
        service_tm, service_body, service_err, perf_rss, perf_cpu, event_id, retention_days, attributes";

    /// The columns of rows that a spool of the first version holds.
    pub(crate) const COLUMNS_1: &'static str = "batch, received_at, time, client_time, source, project, environment, \
        version, commit_hash, level, scope, event, hostname, pid, msg, extra, req_id, span_id, parent_id, uid, \
        rrdid, url, ip, ua, tm, issue_id, fingerprint, err_type, err_msg, err_stack, err_file_path, \
        err_line_number, service_host, service_path, service_payload, service_http_code, service_tm, \
        service_body, service_err, perf_rss, perf_cpu, event_id, attributes";

    /// An event of a project of which nothing else is known.
    pub fn empty(project: String) -> Self {
        let text = String::new;
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

    /// Appends the row without its first column.
    pub fn write_row(&self, out: &mut Vec<u8>) {
        let issue_id = self.fingerprint.map_or(0, |fingerprint| fingerprint.issue_id().get());
        let fingerprint = self.fingerprint.map_or([0; 16], |fingerprint| *fingerprint.as_bytes());
        RowWriter::new(out)
            .i64(self.received_at.0)
            .i64(self.time.0)
            .string(&self.client_time)
            .string(self.source.as_str())
            .string(&self.project)
            .string(&self.environment)
            .string(&self.version)
            .string(&self.commit_hash)
            .u8(self.level)
            .string(&self.scope)
            .string(&self.event)
            .string(&self.hostname)
            .u32(self.pid)
            .string(&self.msg)
            .string(&self.extra)
            .string(&self.req_id)
            .string(&self.span_id)
            .string(&self.parent_id)
            .string(&self.uid)
            .string(&self.rrdid)
            .string(&self.url)
            .string(&self.ip)
            .string(&self.ua)
            .nullable(self.tm, |row, tm| _ = row.f64(tm))
            .string(&self.method)
            .string(&self.route)
            .u16(self.status)
            .u64(issue_id)
            .fixed(&fingerprint)
            .string(&self.err_type)
            .string(&self.err_msg)
            .string(&self.err_stack)
            .string(&self.err_file_path)
            .u32(self.err_line_number)
            .string(&self.service_host)
            .string(&self.service_path)
            .string(&self.service_route)
            .string(&self.service_payload)
            .nullable(self.service_http_code, |row, code| _ = row.u16(code))
            .nullable(self.service_tm, |row, tm| _ = row.f64(tm))
            .string(&self.service_body)
            .string(&self.service_err)
            .nullable(self.perf_rss, |row, rss| _ = row.u64(rss))
            .nullable(self.perf_cpu, |row, cpu| _ = row.f64(cpu))
            .string(&self.event_id)
            .u16(self.retention_days)
            .string(&self.attributes);
    }
}
