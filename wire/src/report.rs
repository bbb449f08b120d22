use crate::attributes::{Attributes, kept};
use crate::decode::DecodeError;
use crate::text::Text;
use crate::{Fingerprint, Level, RequestId, UnixMillis, json, limits};
use std::borrow::Cow;

/// An error as a program reported it, checked against the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorReport {
    /// Which project, e.g. `rtc_backend`.
    pub project_id: String,
    /// Where it runs, in lower case.
    pub environment: String,
    /// WARN, ERROR or FATAL.
    pub level: Level,
    /// When it happened; `None` = when it arrives.
    pub timestamp: Option<UnixMillis>,
    /// Version of the application, or empty.
    pub version: String,
    /// Git commit of the application, or empty.
    pub commit_hash: String,
    /// Type of the error, e.g. `ValueError`.
    pub error_type: String,
    /// What the error says.
    pub message: String,
    /// File that raised it.
    pub file_path: String,
    /// Line in that file; 0 = unknown.
    pub line_number: u32,
    /// The stack as lines without their line ends.
    pub stack_trace: Vec<String>,
    /// The `context` object, and the members that the contract does not know where `context` has none of that name, as
    /// JSON that ClickHouse can read; or empty.
    pub context: String,
    /// `context.request_id`, if it is one.
    pub request_id: Option<RequestId>,
    /// `context.user_id`, or empty.
    pub user_id: String,
    /// `event_id`: counts once, however often it is sent.
    pub event_id: Option<String>,
}

impl ErrorReport {
    /// Reads a report.
    ///
    /// # Errors
    /// Malformed JSON, or the first field that the contract refuses.
    pub fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        if let Err(error) = std::str::from_utf8(body) {
            let reason = format_args!("not UTF-8: byte {} starts no character", error.valid_up_to());
            return Err(DecodeError::malformed(reason));
        }
        json::object(body, |members| Self::read(&mut Fields { path: "", members }))
    }

    fn read(report: &mut Fields<'_>) -> Result<Self, DecodeError> {
        let project_id = report.name("project_id", limits::PROJECT_BYTES)?;
        let environment = report.name("environment", limits::ENVIRONMENT_BYTES)?.to_lowercase();
        let level = report.text("level")?.ok_or_else(|| DecodeError::missing("level"))?;
        let level = Level::from_report(&level).map_err(|error| DecodeError::invalid("level", error))?;
        let timestamp = report.text("timestamp")?.map(|text| UnixMillis::parse(&text)).transpose();
        let timestamp = timestamp.map_err(|error| DecodeError::invalid("timestamp", error))?;
        let version = report.bounded("version", limits::VERSION_BYTES)?.unwrap_or_default();
        let commit_hash = report.bounded("commit_hash", limits::VERSION_BYTES)?.unwrap_or_default();
        let mut error = report.object("error", "error.")?;
        let error_type = error.required("type", limits::ERROR_TYPE_BYTES)?;
        let message = error.required("message", usize::MAX)?;
        let file_path = error.required("file_path", limits::FILE_PATH_BYTES)?;
        let line_number = error.line_number()?;
        let stack_trace = error.lines("stack_trace")?;
        let event_id = report.key("event_id")?;
        let context = report.take("context");
        let (request_id, user_id) = context.map_or(Ok((None, String::new())), known_of_context)?;
        Ok(Self {
            project_id,
            environment,
            level,
            timestamp,
            version,
            commit_hash,
            error_type,
            message,
            file_path,
            line_number,
            stack_trace,
            context: with_unknown(context, report, &error),
            request_id,
            user_id,
            event_id,
        })
    }

    /// The issue that this report belongs to.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::new(&self.project_id, &self.error_type, &self.file_path, self.line_number)
    }
}

/// The members of an object that nobody has taken yet.
struct Fields<'j> {
    /// Where the object stands: empty, or `error.`.
    path: &'static str,
    members: json::Members<'j>,
}

impl<'j> Fields<'j> {
    /// A member as JSON, once; `null` counts as absent.
    fn take(&mut self, key: &str) -> Option<&'j str> {
        let at = self.members.iter().position(|(known, _)| known == key)?;
        let (_, raw) = self.members.remove(at);
        Some(raw).filter(|raw| *raw != "null")
    }

    fn path(&self, key: &str) -> String {
        format!("{}{key}", self.path)
    }

    fn wrong_type(&self, key: &str, expected: &str, raw: &str) -> DecodeError {
        DecodeError::wrong_type(&self.path(key), expected, raw)
    }

    fn text(&mut self, key: &str) -> Result<Option<Cow<'j, str>>, DecodeError> {
        let Some(raw) = self.take(key) else { return Ok(None) };
        json::string_of(raw).map(Some).ok_or_else(|| self.wrong_type(key, "a string", raw))
    }

    fn bounded(&mut self, key: &str, limit: usize) -> Result<Option<String>, DecodeError> {
        match self.text(key)? {
            Some(text) if text.len() > limit => {
                let rule = format_args!("must be at most {limit} bytes long, is {}", text.len());
                Err(DecodeError::invalid(&self.path(key), rule))
            }
            text => Ok(text.map(Cow::into_owned)),
        }
    }

    fn required(&mut self, key: &str, limit: usize) -> Result<String, DecodeError> {
        self.bounded(key, limit)?.ok_or_else(|| DecodeError::missing(&self.path(key)))
    }

    /// A required name: trimmed, not empty, bounded, without control characters.
    fn name(&mut self, key: &str, limit: usize) -> Result<String, DecodeError> {
        let text = self.required(key, limit)?;
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Err(DecodeError::invalid(&self.path(key), "must not be empty"));
        }
        if trimmed.chars().any(char::is_control) {
            return Err(DecodeError::invalid(&self.path(key), "must not hold control characters"));
        }
        Ok(trimmed.to_owned())
    }

    /// A required object.
    fn object(&mut self, key: &str, path: &'static str) -> Result<Fields<'j>, DecodeError> {
        let raw = self.take(key).ok_or_else(|| DecodeError::missing(&self.path(key)))?;
        let members = if raw.starts_with('{') { json::members(raw).ok() } else { None };
        let members = members.ok_or_else(|| self.wrong_type(key, "an object", raw))?;
        Ok(Fields { path, members })
    }

    fn line_number(&mut self) -> Result<u32, DecodeError> {
        let key = "line_number";
        let raw = self.take(key).ok_or_else(|| DecodeError::missing(&self.path(key)))?;
        if raw.bytes().all(|byte| byte.is_ascii_digit()) {
            let rule = format_args!("must be at most {}", u32::MAX);
            return raw.parse().map_err(|_| DecodeError::invalid(&self.path(key), rule));
        }
        Err(self.wrong_type(key, "a whole number of 0 or more", raw))
    }

    /// Required lines: an array of strings, or one string.
    fn lines(&mut self, key: &str) -> Result<Vec<String>, DecodeError> {
        let raw = self.take(key).ok_or_else(|| DecodeError::missing(&self.path(key)))?;
        if let Some(text) = json::string_of(raw) {
            return Ok(lines_of(&text).collect());
        }
        if !raw.starts_with('[') {
            return Err(self.wrong_type(key, "an array of strings, or a string", raw));
        }
        if let Ok(pieces) = serde_json::from_str::<Vec<Text<'_>>>(raw) {
            return Ok(pieces.iter().flat_map(|Text(piece)| lines_of(piece)).collect());
        }
        let pieces: Vec<&serde_json::value::RawValue> = serde_json::from_str(raw).unwrap_or_default();
        let wrong =
            pieces.iter().position(|piece| json::string_of(piece.get()).is_none()).unwrap_or_default();
        let found = pieces.get(wrong).map_or("null", |piece| piece.get());
        Err(self.wrong_type(&format!("{key}[{wrong}]"), "a string", found))
    }

    /// An idempotency key: a string, or a number by its digits.
    fn key(&mut self, key: &str) -> Result<Option<String>, DecodeError> {
        let Some(raw) = self.take(key) else { return Ok(None) };
        let id = id_of(raw).ok_or_else(|| self.wrong_type(key, "a string", raw))?;
        let limit = limits::IDEMPOTENCY_KEY_CHARS;
        if (1..=limit).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(Some(id.into_owned()));
        }
        let rule = format_args!("must be 1 to {limit} visible ASCII characters");
        Err(DecodeError::invalid(&self.path(key), rule))
    }
}

fn id_of(raw: &str) -> Option<Cow<'_, str>> {
    json::string_of(raw).or_else(|| json::is_number(raw).then_some(raw.into()))
}

/// Python's own `format_exception` gives pieces of several lines, each with its line end.
fn lines_of(piece: &str) -> impl Iterator<Item = String> {
    let lines = piece.strip_suffix('\n').unwrap_or(piece).split('\n');
    lines.map(|line| line.strip_suffix('\r').unwrap_or(line).to_owned())
}

/// `request_id` and `user_id` of the context. Whatever else they hold stays in the context as it is.
fn known_of_context(context: &str) -> Result<(Option<RequestId>, String), DecodeError> {
    if !context.starts_with('{') {
        let rule = format_args!("must be an object, is {}", json::kind_of(context));
        return Err(DecodeError::invalid("context", rule));
    }
    if json::depth(context) > limits::JSON_DEPTH {
        let rule = format_args!("must not nest deeper than {}", limits::JSON_DEPTH);
        return Err(DecodeError::invalid("context", rule));
    }
    let members = json::members(context).unwrap_or_default();
    let id = |key: &str| members.iter().find(|(known, _)| known == key).and_then(|(_, raw)| id_of(raw));
    let request_id = id("request_id").and_then(|id| RequestId::new(&id).ok());
    let user_id = id("user_id").filter(|id| id.len() <= limits::CLIENT_ID_BYTES);
    Ok((request_id, user_id.unwrap_or_default().into_owned()))
}

/// The context, and what else the report and its error say, each under its own path. Where the context has a member of that
/// name, it stays.
fn with_unknown(context: Option<&str>, report: &Fields<'_>, error: &Fields<'_>) -> String {
    if report.members.is_empty() && error.members.is_empty() {
        return context.map(kept).unwrap_or_default();
    }
    let context = context.and_then(|context| json::members(context).ok()).unwrap_or_default();
    let is_free = |key: &str| context.iter().all(|(known, _)| known != key);
    let mut attributes = Attributes::default();
    for (key, raw) in &context {
        attributes.json(key, raw);
    }
    for (key, raw) in report.members.iter().filter(|(key, _)| is_free(key)) {
        attributes.json(key, raw);
    }
    if !error.members.is_empty() && is_free("error") {
        let mut inner = Attributes::default();
        for (key, raw) in &error.members {
            inner.json(key, raw);
        }
        attributes.checked("error", &inner.finish());
    }
    attributes.finish()
}
