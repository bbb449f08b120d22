use std::io::Read;

use crate::exception::{Exception, Kind};
use crate::limits::MAX_STATEMENT_BYTES;
use crate::sql::{self, Head};

/// A statement as far as it must be read before it can run.
pub(super) enum Text {
    Statement(String),
    Insert { statement: String, format: String, first: Vec<u8> },
}

impl Text {
    /// The statement, without an INSERT's data.
    pub(super) fn sql(&self) -> &str {
        match self {
            Self::Statement(sql) | Self::Insert { statement: sql, .. } => sql,
        }
    }
}

/// Reads up to the end of the statement or to where an INSERT's data begins. SQL from the URL comes
/// first, on a line of its own.
pub(super) fn read_text(from_url: &str, body: &mut dyn Read) -> Result<Text, Exception> {
    let mut text = from_url.trim_end().as_bytes().to_vec();
    if !text.is_empty() {
        text.push(b'\n');
    }
    let mut complete = false;
    loop {
        let head = match sql::find_head(&text, complete) {
            Head::Insert { statement, format, data_start } => {
                let first = text.split_off(data_start);
                return Ok(Text::Insert { statement, format, first });
            }
            head => head,
        };
        if complete && head == Head::Statement {
            let text = String::from_utf8(text)
                .map_err(|_| Exception::new(Kind::BadArguments, "the statement is not valid UTF-8"))?;
            return Ok(Text::Statement(text));
        }
        if text.len() > MAX_STATEMENT_BYTES {
            return Err(Exception::new(
                Kind::QueryIsTooLarge,
                format_args!("the statement is longer than {MAX_STATEMENT_BYTES} bytes"),
            ));
        }
        // At least doubling keeps the repeated look for the head linear.
        let more = text.len().clamp(8 << 10, MAX_STATEMENT_BYTES);
        let before = text.len();
        body.take(more as u64).read_to_end(&mut text)?;
        complete = text.len() - before < more;
    }
}
