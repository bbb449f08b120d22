use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};

use super::body::AnswerBody;
use super::format::content_type;
use crate::chdb::Counts;
use crate::codec::AnswerEncoding;
use crate::exception::{Exception, Kind};
use crate::statement::answer::{Head, pack};
use crate::statement::failure;

const QUERY_ID: HeaderName = HeaderName::from_static("x-clickhouse-query-id");
const FORMAT: HeaderName = HeaderName::from_static("x-clickhouse-format");
const PROGRESS: HeaderName = HeaderName::from_static("x-clickhouse-progress");
const SUMMARY: HeaderName = HeaderName::from_static("x-clickhouse-summary");
const TIMEZONE: HeaderName = HeaderName::from_static("x-clickhouse-timezone");
const SERVER: HeaderName = HeaderName::from_static("x-clickhouse-server-display-name");
const EXCEPTION_CODE: HeaderName = HeaderName::from_static("x-clickhouse-exception-code");
const EXCEPTION_TAG: HeaderName = HeaderName::from_static("x-clickhouse-exception-tag");

const PLAIN_TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=UTF-8");

/// What every answer of one request says about it.
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    pub(super) query_id: &'a str,
    pub(super) encoding: AnswerEncoding,
    pub(super) version: &'a str,
    pub(super) timezone: &'a str,
    /// Whether the client wants to hear of progress in headers.
    pub(super) shows_progress: bool,
}

impl Envelope<'_> {
    /// The answer of a statement that began well. `exception_tag` is for one that may still fail.
    pub(super) fn success(
        &self,
        head: &Head,
        body: AnswerBody,
        exception_tag: Option<&str>,
        elapsed_ns: u128,
    ) -> Response<AnswerBody> {
        let mut response = self.response(StatusCode::OK, body);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(&head.format)));
        insert(headers, FORMAT, &head.format);
        let summary = summary(head.counts, elapsed_ns);
        if self.shows_progress {
            // ClickHouse sends one from time to time, before the other headers; this is the last of them.
            insert(headers, PROGRESS, &summary);
        }
        insert(headers, SUMMARY, &summary);
        insert(headers, TIMEZONE, self.timezone);
        if let Some(tag) = exception_tag {
            insert(headers, EXCEPTION_TAG, tag);
        }
        response
    }

    /// The answer of a statement that failed before its first byte; in the format, if one is given.
    pub(super) fn failure(&self, exception: &Exception, format: Option<&str>) -> Response<AnswerBody> {
        let line = exception.line(self.version);
        let written = format.and_then(|format| Some((format, failure::whole(format, line.trim_end())?)));
        let text = written.as_ref().map_or(line.as_str(), |(_, written)| written);
        let body = pack(self.encoding, text.as_bytes()).unwrap_or_default();
        let mut response = self.response(exception.status(), AnswerBody::Whole(body));
        let headers = response.headers_mut();
        match &written {
            Some((format, _)) => {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(format)));
                insert(headers, FORMAT, format);
            }
            None => {
                headers.insert(header::CONTENT_TYPE, PLAIN_TEXT);
            }
        }
        headers.insert(EXCEPTION_CODE, HeaderValue::from(exception.code()));
        response
    }

    fn response(&self, status: StatusCode, body: AnswerBody) -> Response<AnswerBody> {
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        insert(headers, QUERY_ID, self.query_id);
        headers.insert(SERVER, HeaderValue::from_static("log-center-engine"));
        if let Some(encoding) = self.encoding.header() {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        response
    }
}

fn insert(headers: &mut http::HeaderMap, name: HeaderName, value: &str) {
    // What is no header value, a format name in another script, say, is better left out.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Numbers are strings in it, as ClickHouse writes them.
fn summary(counts: Counts, elapsed_ns: u128) -> String {
    let Counts { read_rows, read_bytes, written_rows, written_bytes, result_rows } = counts;
    format!(
        r#"{{"read_rows":"{read_rows}","read_bytes":"{read_bytes}","written_rows":"{written_rows}","written_bytes":"{written_bytes}","total_rows_to_read":"0","result_rows":"{result_rows}","result_bytes":"0","elapsed_ns":"{elapsed_ns}"}}"#
    )
}

/// A plain text that no statement made.
pub(super) fn plain(status: StatusCode, text: &'static str) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::Whole(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, PLAIN_TEXT);
    response
}

/// A refusal of what no statement came of, in the words of an exception of [`Kind::AccessDenied`].
pub(super) fn refused(status: StatusCode, text: &'static str) -> Response<AnswerBody> {
    let mut response = plain(status, text);
    let code = Exception::new(Kind::AccessDenied, "").code();
    response.headers_mut().insert(EXCEPTION_CODE, HeaderValue::from(code));
    response
}
