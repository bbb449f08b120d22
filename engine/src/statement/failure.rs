//! Errors in the format of an answer, and errors that say more than ClickHouse's own.

use crate::exception::{Exception, Kind};

/// `CANNOT_OPEN_FILE`.
const CANNOT_OPEN_FILE: u32 = 76;

/// How a format has an exception instead of rows; `None` if it has no place for it. As ClickHouse writes it.
pub(crate) fn whole(format: &str, text: &str) -> Option<String> {
    let quoted = serde_json::to_string(text).ok()?;
    match format.to_ascii_lowercase().as_str() {
        "json" | "jsonstrings" | "jsoncompact" | "jsoncompactstrings" | "jsoncolumnswithmetadata" => {
            Some(format!(
                "{{\n\t\"meta\":\n\t[\n\t],\n\n\t\"data\":\n\t[\n\t],\n\n\t\"rows\": 0,\n\n\t\"exception\": {quoted}\n}}\n"
            ))
        }
        "jsoncolumns" | "jsoncompactcolumns" | "jsonobjecteachrow" => {
            Some(format!("{{\n\t\"exception\": {quoted}\n}}\n"))
        }
        "xml" => Some(format!(
            "<?xml version='1.0' encoding='UTF-8' ?>\n<result>\n\t<exception>{}</exception>\n</result>\n",
            text.replace('&', "&amp;").replace('<', "&lt;")
        )),
        _ => line(format, text),
    }
}

/// How a format that is a row a line has an exception behind its rows; `None` if it has no place for it.
pub(super) fn line(format: &str, text: &str) -> Option<String> {
    let is_json_lines = matches!(
        format.to_ascii_lowercase().as_str(),
        "jsoneachrow"
            | "jsonlines"
            | "jsonl"
            | "ndjson"
            | "jsonstringseachrow"
            | "jsoneachrowwithprogress"
            | "jsonstringseachrowwithprogress"
    ) || format.to_ascii_lowercase().starts_with("jsoncompact")
        && format.to_ascii_lowercase().contains("eachrow");
    is_json_lines
        .then(|| serde_json::to_string(text).ok().map(|quoted| format!("{{\"exception\": {quoted}}}\n")))?
}

/// The error of a format that wants a schema: without one ClickHouse tries to make a file for it, outside of what it may reach.
pub(super) fn explained(exception: Exception, format: &str) -> Exception {
    if exception.code() == CANNOT_OPEN_FILE && format.to_ascii_lowercase().starts_with("protobuf") {
        return Exception::new(
            Kind::BadArguments,
            format_args!(
                "The format {format} requires a schema, for which there is no place here; use Native, RowBinary or Parquet"
            ),
        );
    }
    exception
}
