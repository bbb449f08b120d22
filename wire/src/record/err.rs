//! `err`: our own, that of node-bunyan and pino, or just a text.

use super::UNBOUNDED;
use super::kind::{Kind, Number, Text, members_of};
use super::leftovers::Leftovers;
use super::members::{Members, members};
use super::quick::{Whole, give_up};
use crate::decode::DecodeError;
use crate::text::Text as Line;
use crate::{json, limits, stack};
use serde::de::MapAccess;
use std::borrow::Cow;

/// `err`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ErrorInfo<'a> {
    /// Type of the error; `Error` if the sender named none.
    pub error_type: Cow<'a, str>,
    /// What the error says.
    pub msg: Cow<'a, str>,
    /// Its stack, lines joined by line feeds.
    pub stack: Cow<'a, str>,
    /// The file that raised it, or `unknown`.
    pub file_path: Cow<'a, str>,
    /// The line in that file; 0 = unknown.
    pub line_number: u32,
}

members! {
    /// `err` as it comes.
    struct RawErr<'a> {
        "type" => error_type: Cow<'a, str> as Text<{ limits::ERROR_TYPE_BYTES }>,
        "name" => name: Cow<'a, str> as Text<{ limits::ERROR_TYPE_BYTES }>,
        "msg" => msg: Cow<'a, str> as Text<UNBOUNDED>,
        "message" => message: Cow<'a, str> as Text<UNBOUNDED>,
        "stack" => stack: Cow<'a, str> as Stack,
        "file_path" => file_path: Cow<'a, str> as Text<{ limits::FILE_PATH_BYTES }>,
        "line_number" => line_number: u32 as Number<u32>,
    }
}

/// The member `err` of a record.
pub(super) struct Failure;

impl<'a> Kind<'a> for Failure {
    type Value = Option<ErrorInfo<'a>>;

    fn quick<A: MapAccess<'a>>(map: &mut A) -> Result<Self::Value, A::Error> {
        let Whole(raw) = map.next_value::<Whole<RawErr<'a>>>()?;
        // What other loggers write, and a stack that has to be read, take a closer look.
        if raw.error_type.is_empty()
            || raw.file_path.is_empty()
            || !raw.name.is_empty()
            || !raw.message.is_empty()
        {
            return Err(give_up());
        }
        let RawErr { error_type, msg, stack, file_path, line_number, .. } = raw;
        Ok(Some(ErrorInfo { error_type, msg, stack, file_path, line_number }))
    }

    fn strict(
        key: &'static str,
        raw: &str,
        leftovers: &mut Leftovers,
    ) -> Result<Option<Self::Value>, DecodeError> {
        let mut inner = leftovers.of_member(key);
        let read = match (json::string_of(raw), members_of(raw)) {
            (Some(msg), _) => RawErr { msg: msg.into_owned().into(), ..RawErr::default() },
            (None, Some(members)) => RawErr::strict(members, &mut inner)?,
            (None, None) => return Ok(None),
        };
        let err = read.understood(&mut inner);
        leftovers.adopt(key, inner);
        Ok(Some(Some(err)))
    }
}

impl<'a> RawErr<'a> {
    /// Chooses between the names that loggers have for the same, and finds the place. What is not chosen is left over.
    fn understood(self, leftovers: &mut Leftovers) -> ErrorInfo<'a> {
        let error_type = first(self.error_type, ("name", self.name), leftovers);
        let msg = first(self.msg, ("message", self.message), leftovers);
        let (file_path, line_number) = match self.file_path.is_empty() {
            false => (self.file_path, self.line_number),
            true => {
                if self.line_number != 0 {
                    leftovers.keep_number("line_number", self.line_number);
                }
                let origin = stack::origin(&self.stack, &msg);
                origin.map_or((Cow::Borrowed("unknown"), 0), |(path, line)| (path.into_owned().into(), line))
            }
        };
        let error_type = if error_type.is_empty() { Cow::Borrowed("Error") } else { error_type };
        ErrorInfo { error_type, msg, stack: self.stack, file_path, line_number }
    }
}

/// The text under our own name, else the one under the other name.
fn first<'a>(
    own: Cow<'a, str>,
    (key, other): (&'static str, Cow<'a, str>),
    leftovers: &mut Leftovers,
) -> Cow<'a, str> {
    if own.is_empty() {
        return other;
    }
    if !other.is_empty() && other != own {
        leftovers.keep_text(key, &other);
    }
    own
}

/// `err.stack`: a text. An array of lines, which some loggers write, is kept whole like every member of another kind, and
/// the lines are the stack all the same: it tells the place of the error.
struct Stack;

impl<'a> Kind<'a> for Stack {
    type Value = Cow<'a, str>;

    fn quick<A: MapAccess<'a>>(map: &mut A) -> Result<Self::Value, A::Error> {
        Text::<UNBOUNDED>::quick(map)
    }

    fn strict(
        key: &'static str,
        raw: &str,
        leftovers: &mut Leftovers,
    ) -> Result<Option<Self::Value>, DecodeError> {
        if let Some(text) = json::string_of(raw) {
            return Ok(Some(text.into_owned().into()));
        }
        let lines: Result<Vec<Line<'_>>, _> = serde_json::from_str(raw);
        let Ok(lines) = lines else { return Ok(None) };
        leftovers.keep_known(key, raw);
        let lines: Vec<&str> = lines.iter().map(|Line(line)| line.trim_end_matches(['\r', '\n'])).collect();
        Ok(Some(lines.join("\n").into()))
    }
}
