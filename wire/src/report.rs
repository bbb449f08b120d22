use crate::decode::{self, DecodeError, Object};
use crate::text::{Id, Text};
use crate::{Fingerprint, Level, RequestId, UnixMillis, limits};
use serde::Deserialize;
use serde_json::value::RawValue;

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
    /// The `context` object as the JSON that came, or empty.
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
        decode::document::<Object<RawReport<'_>>>(body)?.0.check()
    }

    /// The issue that this report belongs to.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::new(&self.project_id, &self.error_type, &self.file_path, self.line_number)
    }
}

#[derive(Deserialize)]
struct RawReport<'a> {
    #[serde(borrow)]
    project_id: Option<Text<'a>>,
    environment: Option<Text<'a>>,
    level: Option<Text<'a>>,
    timestamp: Option<Text<'a>>,
    version: Option<Text<'a>>,
    commit_hash: Option<Text<'a>>,
    #[serde(borrow)]
    error: Option<Object<RawError<'a>>>,
    #[serde(borrow)]
    context: Option<&'a RawValue>,
    event_id: Option<Id>,
}

#[derive(Deserialize)]
struct RawError<'a> {
    #[serde(borrow, rename = "type")]
    error_type: Option<Text<'a>>,
    message: Option<Text<'a>>,
    file_path: Option<Text<'a>>,
    line_number: Option<u64>,
    stack_trace: Option<RawStack<'a>>,
}

/// An array of strings or one string.
enum RawStack<'a> {
    One(Text<'a>),
    Many(Vec<Text<'a>>),
}

impl<'de: 'a, 'a> Deserialize<'de> for RawStack<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::{Error, SeqAccess, Visitor};
        struct StackVisitor;
        impl<'de> Visitor<'de> for StackVisitor {
            type Value = RawStack<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an array of strings or a string")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut lines = Vec::new();
                while let Some(line) = seq.next_element()? {
                    lines.push(line);
                }
                Ok(RawStack::Many(lines))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(RawStack::One(Text(text.to_owned().into())))
            }

            fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
                Ok(RawStack::One(Text(String::from_utf8_lossy(bytes))))
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                Ok(RawStack::One(Text(String::from_utf8_lossy(bytes).into_owned().into())))
            }
        }
        // As bytes: a stack is text from outside too, see Text.
        deserializer.deserialize_bytes(StackVisitor)
    }
}

impl RawReport<'_> {
    fn check(self) -> Result<ErrorReport, DecodeError> {
        let project_id = name("project_id", self.project_id, limits::PROJECT_BYTES)?;
        let environment = name("environment", self.environment, limits::ENVIRONMENT_BYTES)?.to_lowercase();
        let level = required("level", self.level)?;
        let level = Level::from_report(&level.0).map_err(|error| DecodeError::invalid("level", error))?;
        let timestamp = self
            .timestamp
            .map(|text| UnixMillis::parse(&text.0))
            .transpose()
            .map_err(|error| DecodeError::invalid("timestamp", error))?;
        let Object(error) = self.error.ok_or_else(|| DecodeError::missing("error"))?;
        let error_type =
            bounded("error.type", required("error.type", error.error_type)?, limits::ERROR_TYPE_BYTES)?;
        let message = required("error.message", error.message)?.into_string();
        let file_path = required("error.file_path", error.file_path)?;
        let file_path = bounded("error.file_path", file_path, limits::FILE_PATH_BYTES)?;
        let line_number = required("error.line_number", error.line_number)?;
        let line_number = u32::try_from(line_number)
            .map_err(|_| DecodeError::invalid("error.line_number", "must be at most 4294967295"))?;
        let stack_trace = lines_of(required("error.stack_trace", error.stack_trace)?);
        let context = self.context.map(RawValue::get);
        let (request_id, user_id) = context.map_or(Ok((None, String::new())), known_of_context)?;
        Ok(ErrorReport {
            project_id,
            environment,
            level,
            timestamp,
            version: optional("version", self.version)?,
            commit_hash: optional("commit_hash", self.commit_hash)?,
            error_type,
            message,
            file_path,
            line_number,
            stack_trace,
            context: context.unwrap_or_default().to_owned(),
            request_id,
            user_id,
            event_id: self.event_id.map(|id| idempotency_key("event_id", id.0)).transpose()?,
        })
    }
}

/// Checks an idempotency key from a body or a header.
///
/// # Errors
/// Empty, too long, or with a character that is not visible ASCII.
pub(crate) fn idempotency_key(field: &str, key: String) -> Result<String, DecodeError> {
    let limit = limits::IDEMPOTENCY_KEY_CHARS;
    if (1..=limit).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(key);
    }
    Err(DecodeError::invalid(field, format_args!("must be 1 to {limit} visible ASCII characters")))
}

pub(crate) fn required<T>(field: &str, value: Option<T>) -> Result<T, DecodeError> {
    value.ok_or_else(|| DecodeError::missing(field))
}

pub(crate) fn bounded(field: &str, text: Text<'_>, limit: usize) -> Result<String, DecodeError> {
    if text.0.len() <= limit {
        return Ok(text.into_string());
    }
    Err(DecodeError::invalid(field, format_args!("must be at most {limit} bytes long, is {}", text.0.len())))
}

fn optional(field: &str, text: Option<Text<'_>>) -> Result<String, DecodeError> {
    text.map_or(Ok(String::new()), |text| bounded(field, text, limits::VERSION_BYTES))
}

/// A required name: trimmed, not empty, bounded, without control characters.
pub(crate) fn name(field: &str, text: Option<Text<'_>>, limit: usize) -> Result<String, DecodeError> {
    let text = bounded(field, required(field, text)?, limit)?;
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(DecodeError::invalid(field, "must not be empty"));
    }
    if trimmed.chars().any(char::is_control) {
        return Err(DecodeError::invalid(field, "must not hold control characters"));
    }
    Ok(trimmed.to_owned())
}

fn lines_of(stack: RawStack<'_>) -> Vec<String> {
    let pieces = match stack {
        RawStack::One(text) => vec![text],
        RawStack::Many(pieces) => pieces,
    };
    // Python's own format_exception gives pieces of several lines, each with its line end.
    pieces
        .iter()
        .flat_map(|piece| piece.0.strip_suffix('\n').unwrap_or(&piece.0).split('\n'))
        .map(|line| line.strip_suffix('\r').unwrap_or(line).to_owned())
        .collect()
}

/// `request_id` and `user_id` of the context. Whatever else they hold stays in the context as it is.
fn known_of_context(context: &str) -> Result<(Option<RequestId>, String), DecodeError> {
    if !context.starts_with('{') {
        let kind = crate::text::kind_of(context);
        return Err(DecodeError::invalid("context", format_args!("must be an object, is a {kind}")));
    }
    if decode::depth(context) > limits::JSON_DEPTH {
        let rule = format_args!("must not nest deeper than {}", limits::JSON_DEPTH);
        return Err(DecodeError::invalid("context", rule));
    }
    #[derive(Deserialize, Default)]
    struct Known<'a> {
        #[serde(borrow)]
        request_id: Option<&'a RawValue>,
        #[serde(borrow)]
        user_id: Option<&'a RawValue>,
    }
    let known: Known<'_> = serde_json::from_str(context).unwrap_or_default();
    let text = |raw: &RawValue| serde_json::from_str::<Id>(raw.get()).ok().map(|id| id.0);
    let request_id = known.request_id.and_then(text).and_then(|id| RequestId::new(&id).ok());
    let user_id = known.user_id.and_then(text).filter(|id| id.len() <= limits::CLIENT_ID_BYTES);
    Ok((request_id, user_id.unwrap_or_default()))
}
