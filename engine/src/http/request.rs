//! What a request's URL, headers and form say.

use std::net::IpAddr;

use http::request::Parts;
use http::{HeaderMap, Method, header};

use super::caller;
use super::multipart::Form;
use crate::codec::{AnswerEncoding, RequestEncoding, negotiate};
use crate::exception::{Exception, Kind};
use crate::limits::FIELDS;
use crate::password::Password;
use crate::statement::answer::Hold;
use crate::statement::external::ExternalTable;
use crate::statement::sessions::SessionRequest;
use crate::statement::{Caller, Statement, User};

/// Longest query id taken from a client. It is written into headers and compared in `system.processes`.
const MAX_QUERY_ID_CHARS: usize = 256;

/// Longest name of a session.
const MAX_SESSION_ID_BYTES: usize = 256;

/// A request, understood.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) statement: Statement,
    pub(super) encoding: RequestEncoding,
    /// `decompress=1`: the body is in ClickHouse's own blocks.
    pub(super) blocks: bool,
    pub(super) answer_encoding: AnswerEncoding,
    pub(super) hold: Hold,
    /// `send_progress_in_http_headers=1`.
    pub(super) shows_progress: bool,
}

/// Parameters of URL and form, sorted by what they are for.
#[derive(Debug, Default)]
struct Fields {
    sql: Option<String>,
    user: Option<String>,
    password: Option<String>,
    query_id: Option<String>,
    database: Option<String>,
    default_format: Option<String>,
    session_id: Option<String>,
    session_timeout: Option<u64>,
    session_check: bool,
    close_session: bool,
    compress: bool,
    decompress: bool,
    wait_end_of_query: bool,
    buffer_size: usize,
    protocol: u64,
    settings: Vec<(String, String)>,
    parameters: Vec<(String, String)>,
}

impl Fields {
    fn add(&mut self, name: String, value: String) -> Result<(), Exception> {
        match name.as_str() {
            "query" => self.sql = Some(value),
            "user" => self.user = Some(value),
            "password" => self.password = Some(value),
            "query_id" => self.query_id = Some(value),
            "database" => self.database = Some(value),
            "default_format" => self.default_format = Some(value),
            "session_id" => self.session_id = Some(value),
            "session_timeout" => self.session_timeout = Some(number(&name, &value)?),
            "close_session" => self.close_session = flag(&name, &value)?,
            "session_check" => self.session_check = flag(&name, &value)?,
            "compress" => self.compress = flag(&name, &value)?,
            "decompress" => self.decompress = flag(&name, &value)?,
            "wait_end_of_query" => self.wait_end_of_query = flag(&name, &value)?,
            "buffer_size" => {
                self.buffer_size = usize::try_from(number(&name, &value)?).unwrap_or(usize::MAX);
            }
            // Known to ClickHouse's server and without a meaning here.
            "quota_key" | "stacktrace" | "role" | "" => {}
            "client_protocol_version" => self.protocol = number(&name, &value)?,
            _ => match name.strip_prefix("param_") {
                Some("") => {
                    return Err(Exception::new(Kind::BadArguments, "a parameter `param_` has no name"));
                }
                Some(parameter) => self.parameters.push((parameter.to_owned(), value)),
                None => {
                    self.settings.retain(|(earlier, _)| *earlier != name);
                    self.settings.push((name, value));
                }
            },
        }
        Ok(())
    }
}

fn flag(name: &str, value: &str) -> Result<bool, Exception> {
    match value {
        "1" | "true" => Ok(true),
        "0" | "false" | "" => Ok(false),
        other => {
            Err(Exception::new(Kind::BadArguments, format_args!("{name} must be 0 or 1, not {other:?}")))
        }
    }
}

fn number(name: &str, value: &str) -> Result<u64, Exception> {
    value.parse().map_err(|_| {
        Exception::new(Kind::BadArguments, format_args!("{name} must be a number, not {value:?}"))
    })
}

/// How the answer, be it an error, should be packed. Asked before anything can go wrong.
pub(super) fn answer_encoding(query: &str, headers: &HeaderMap) -> AnswerEncoding {
    let last = |wanted: &str| {
        form_urlencoded::parse(query.as_bytes())
            .filter(|(name, _)| name == wanted)
            .last()
            .map(|(_, value)| value)
    };
    if matches!(last("compress").as_deref(), Some("1" | "true")) {
        return AnswerEncoding::Blocks;
    }
    if matches!(last("enable_http_compression").as_deref(), Some("0" | "false")) {
        return AnswerEncoding::Plain;
    }
    headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .map_or(AnswerEncoding::Plain, negotiate)
}

/// The query id of a request, or a new one.
pub(super) fn query_id(query: &str, headers: &HeaderMap) -> Result<String, Exception> {
    let from_url = form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| name == "query_id")
        .last()
        .map(|(_, value)| value.into_owned());
    let id = from_url.or_else(|| text(headers, "x-clickhouse-query-id")).filter(|id| !id.is_empty());
    let Some(id) = id else { return Ok(uuid::Uuid::new_v4().to_string()) };
    let plain = id.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    if plain && id.len() <= MAX_QUERY_ID_CHARS {
        return Ok(id);
    }
    Err(Exception::new(
        Kind::BadArguments,
        format_args!("query_id must be up to {MAX_QUERY_ID_CHARS} printable ASCII characters"),
    ))
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// Whether the URL or a header shows the password.
pub(super) fn shows_password(parts: &Parts, password: &Password, peer: IpAddr) -> bool {
    let in_url = |wanted: &str| {
        let fields = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        fields.filter(|(name, _)| name == wanted).last().map(|(_, value)| value)
    };
    let (user, shown) = (in_url("user"), in_url("password"));
    let caller = caller::find(&parts.headers, user.as_deref(), shown.as_deref(), password, peer);
    caller.is_ok_and(Caller::shows_password)
}

/// Understands a request. The fields of a multipart body count as if in the URL; its files are tables.
pub(super) fn understand(
    parts: &Parts,
    password: &Password,
    form: Form,
    query_id: String,
    peer: IpAddr,
) -> Result<Request, Exception> {
    let (query, headers) = (parts.uri.query().unwrap_or_default(), &parts.headers);
    let mut fields = Fields {
        database: text(headers, "x-clickhouse-database"),
        default_format: text(headers, "x-clickhouse-format"),
        ..Fields::default()
    };
    let in_url = form_urlencoded::parse(query.as_bytes()).into_owned();
    for (number, (name, value)) in in_url.chain(form.fields).enumerate() {
        if number >= FIELDS {
            return Err(Exception::new(
                Kind::BadArguments,
                format_args!("the URL and the form have more than {FIELDS} parameters"),
            ));
        }
        fields.add(name, value)?;
    }
    let external = form.files.into_iter().map(|file| ExternalTable::new(file, &mut fields.settings));
    let external = external.collect::<Result<Vec<_>, _>>()?;
    let known = caller::find(headers, fields.user.as_deref(), fields.password.as_deref(), password, peer)?;
    // An image of a page is enough to send a GET: it reads, whoever sends it and whatever it says.
    let caller = if parts.method != Method::POST && known == Caller::Writer { Caller::Reader } else { known };
    let encoding = match headers.get(header::CONTENT_ENCODING) {
        Some(value) => RequestEncoding::parse(value.to_str().unwrap_or("?"))?,
        None => RequestEncoding::Plain,
    };
    let session = match fields.session_id {
        Some(id) if !id.is_empty() => {
            if id.len() > MAX_SESSION_ID_BYTES {
                return Err(Exception::new(
                    Kind::BadArguments,
                    format_args!("session_id must be up to {MAX_SESSION_ID_BYTES} bytes"),
                ));
            }
            Some(SessionRequest::new(id, fields.session_check, fields.close_session, fields.session_timeout)?)
        }
        _ => None,
    };
    let is_on = |wanted: &str| {
        fields.settings.iter().any(|(name, value)| name == wanted && matches!(value.as_str(), "1" | "true"))
    };
    let errors_in_format = is_on("http_write_exception_in_output_format");
    let shows_progress = is_on("send_progress_in_http_headers");
    // A new connection is in the usual database; a session that keeps one may be elsewhere by now.
    let may_be_elsewhere = session.is_some() && caller.user() == User::Full;
    Ok(Request {
        statement: Statement {
            query_id,
            caller,
            user: caller.user(),
            read_only: parts.method != Method::POST,
            sql: fields.sql.unwrap_or_default(),
            database: fields
                .database
                .filter(|name| !name.is_empty() && (may_be_elsewhere || name != "default")),
            default_format: fields.default_format.unwrap_or_else(|| "TabSeparated".to_owned()),
            settings: fields.settings,
            parameters: fields.parameters,
            external,
            session,
            protocol: fields.protocol,
            errors_in_format,
        },
        shows_progress,
        encoding,
        blocks: fields.decompress,
        answer_encoding: answer_encoding(query, headers),
        hold: Hold::new(fields.wait_end_of_query, fields.buffer_size),
    })
}
