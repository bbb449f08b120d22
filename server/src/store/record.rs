//! Events as they are answered: bunyan records again, with what the server knows besides.

use super::value::{JsonObject, Time};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A bunyan record, and what the server knows of it. What is empty is left out of the answer.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Record {
    /// 1, as in every record of this log format.
    pub v: u8,
    /// Bunyan's number.
    pub level: u8,
    /// The service.
    pub name: String,
    /// Its host.
    pub hostname: String,
    /// Its process; 0 = unknown.
    pub pid: u32,
    /// When it happened.
    pub time: Time,
    /// The constant text.
    pub msg: String,
    /// The project: the service again, or the `project_id` of a report.
    pub project: String,
    /// `report` or `record`: by which way it came.
    #[schema(example = "record")]
    pub source: String,
    /// When the server accepted it.
    pub received_at: Time,
    /// The issue that it is an occurrence of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issue_id: Option<u64>,
    /// The time that the program sent, if that was wild and is not used.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client_time: String,
    /// Where the program runs.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub environment: String,
    /// Version of the program.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Its git commit.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub commit_hash: String,
    /// `desc`, `stat`, `visit` or `biz`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// `client-req`, `service-start`, `service-end`, `service-err`, `trace` or `client-res`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub event: String,
    /// The request that it belongs to.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub req_id: String,
    /// The hop of the request that wrote it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub span_id: String,
    /// The hop before that.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub parent_id: String,
    /// The user.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// The client: a long-lived cookie or device.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rrdid: String,
    /// The client of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub d: Option<Client>,
    /// Handling time of the request in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tm: Option<f64>,
    /// Everything else, `k=v k2=v2`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub extra: String,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub err: Option<Failure>,
    /// The call of another service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_req: Option<ServiceRequest>,
    /// Its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_res: Option<ServiceResponse>,
    /// A performance sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub perf: Option<Perf>,
    /// The id that the program gave to the event.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub event_id: String,
    /// The context of a report, or every key of a record that is none of the above.
    #[serde(skip_serializing_if = "JsonObject::is_none")]
    pub attributes: JsonObject,
}

/// The client of a request.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = RecordClient)]
pub struct Client {
    /// What it asked for.
    pub url: String,
    /// Its address.
    pub ip: String,
    /// Its user agent.
    pub ua: String,
}

/// What went wrong.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = RecordFailure)]
pub struct Failure {
    /// Type of the error.
    pub r#type: String,
    /// What it says.
    pub msg: String,
    /// Its stack, lines joined by line feeds.
    pub stack: String,
    /// The file that raised it.
    pub file_path: String,
    /// The line in that file; 0 = unknown.
    pub line_number: u32,
}

/// The call of another service.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ServiceRequest {
    /// The called host.
    pub host: String,
    /// The called path.
    pub path: String,
    /// What was sent.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub payload: String,
}

/// The answer of another service.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ServiceResponse {
    /// HTTP status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_code: Option<u16>,
    /// Duration of the call in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tm: Option<f64>,
    /// The answer.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// Why there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub err: String,
}

/// A performance sample.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = RecordPerf)]
pub struct Perf {
    /// Resident memory in bytes.
    pub rss: Option<u64>,
    /// Percent of one core.
    pub cpu: Option<f64>,
}

/// A row of `event_store`.
#[derive(Debug, clickhouse::Row, Deserialize)]
pub(super) struct Row {
    pub(super) time: Time,
    pub(super) received_at: Time,
    pub(super) client_time: String,
    pub(super) source: String,
    pub(super) project: String,
    pub(super) environment: String,
    pub(super) version: String,
    pub(super) commit_hash: String,
    pub(super) level: u8,
    pub(super) scope: String,
    pub(super) event: String,
    pub(super) hostname: String,
    pub(super) pid: u32,
    pub(super) msg: String,
    pub(super) extra: String,
    pub(super) req_id: String,
    pub(super) span_id: String,
    pub(super) parent_id: String,
    pub(super) uid: String,
    pub(super) rrdid: String,
    pub(super) url: String,
    pub(super) ip: String,
    pub(super) ua: String,
    pub(super) tm: Option<f64>,
    pub(super) issue_id: u64,
    pub(super) err_type: String,
    pub(super) err_msg: String,
    pub(super) err_stack: String,
    pub(super) err_file_path: String,
    pub(super) err_line_number: u32,
    pub(super) service_host: String,
    pub(super) service_path: String,
    pub(super) service_payload: String,
    pub(super) service_http_code: Option<u16>,
    pub(super) service_tm: Option<f64>,
    pub(super) service_body: String,
    pub(super) service_err: String,
    pub(super) perf_rss: Option<u64>,
    pub(super) perf_cpu: Option<f64>,
    pub(super) event_id: String,
    pub(super) attributes: JsonObject,
    /// Which insert brought it.
    pub(super) batch: u64,
    /// Puts records of one millisecond in an order. Only equal ones have the same.
    pub(super) tie: u64,
}

/// The columns of a [`Row`] but for the last, in its order, for a statement that selects from `event_store AS e`.
const COLUMNS: &str = "e.time AS time, e.received_at AS received_at, e.client_time AS client_time, \
    e.source AS source, e.project AS project, e.environment AS environment, \
    e.version AS version, e.commit_hash AS commit_hash, e.level AS level, \
    e.scope AS scope, e.event AS event, e.hostname AS hostname, e.pid AS pid, \
    e.msg AS msg, e.extra AS extra, e.req_id AS req_id, e.span_id AS span_id, \
    e.parent_id AS parent_id, e.uid AS uid, e.rrdid AS rrdid, e.url AS url, e.ip AS ip, e.ua AS ua, \
    e.tm AS tm, e.issue_id AS issue_id, e.err_type AS err_type, e.err_msg AS err_msg, \
    e.err_stack AS err_stack, e.err_file_path AS err_file_path, e.err_line_number AS err_line_number, \
    e.service_host AS service_host, e.service_path AS service_path, \
    e.service_payload AS service_payload, e.service_http_code AS service_http_code, e.service_tm AS service_tm, \
    e.service_body AS service_body, e.service_err AS service_err, e.perf_rss AS perf_rss, \
    e.perf_cpu AS perf_cpu, e.event_id AS event_id, e.attributes AS attributes, \
    e.batch AS batch";

/// What puts records of one millisecond in an order, where that is not done otherwise: the last column of a [`Row`].
pub(super) const TIE: &str = "cityHash64(e.received_at, e.batch, e.source, e.project, e.hostname, e.pid, e.level, e.event, \
    e.msg, e.extra, e.req_id, e.span_id, e.uid, e.err_msg, e.event_id, e.attributes) AS tie";

/// In its place where nobody asks for it: it costs some milliseconds to prepare.
pub(super) const NO_TIE: &str = "toUInt64(0) AS tie";

/// A statement with the columns of a [`Row`] in place of `{columns}`.
pub(super) fn with_columns(statement: &str, tie: &str) -> String {
    statement.replace("{columns}", &format!("{COLUMNS}, {tie}"))
}

impl From<Row> for Record {
    fn from(row: Row) -> Self {
        let is_said = |texts: &[&str]| texts.iter().any(|text| !text.is_empty());
        let client = is_said(&[&row.url, &row.ip, &row.ua]);
        let failure = is_said(&[&row.err_type, &row.err_msg]);
        let request = is_said(&[&row.service_host, &row.service_path, &row.service_payload]);
        let response = is_said(&[&row.service_body, &row.service_err])
            || row.service_http_code.is_some()
            || row.service_tm.is_some();
        Self {
            v: 1,
            level: row.level,
            name: row.project.clone(),
            hostname: row.hostname,
            pid: row.pid,
            time: row.time,
            msg: row.msg,
            project: row.project,
            source: row.source,
            received_at: row.received_at,
            issue_id: Some(row.issue_id).filter(|id| *id != 0),
            client_time: row.client_time,
            environment: row.environment,
            version: row.version,
            commit_hash: row.commit_hash,
            scope: row.scope,
            event: row.event,
            req_id: row.req_id,
            span_id: row.span_id,
            parent_id: row.parent_id,
            uid: row.uid,
            rrdid: row.rrdid,
            d: client.then_some(Client { url: row.url, ip: row.ip, ua: row.ua }),
            tm: row.tm,
            extra: row.extra,
            err: failure.then_some(Failure {
                r#type: row.err_type,
                msg: row.err_msg,
                stack: row.err_stack,
                file_path: row.err_file_path,
                line_number: row.err_line_number,
            }),
            service_req: request.then_some(ServiceRequest {
                host: row.service_host,
                path: row.service_path,
                payload: row.service_payload,
            }),
            service_res: response.then_some(ServiceResponse {
                http_code: row.service_http_code,
                tm: row.service_tm,
                body: row.service_body,
                err: row.service_err,
            }),
            perf: (row.perf_rss.is_some() || row.perf_cpu.is_some())
                .then_some(Perf { rss: row.perf_rss, cpu: row.perf_cpu }),
            event_id: row.event_id,
            attributes: row.attributes,
        }
    }
}
