//! Tables that come with a request, as files of a form, and live as long as its statement.
//!
//! ```text
//! ids                      the file: rows
//! ids_format=CSV           their format; without it TabSeparated
//! ids_structure=id UInt64  the columns, or
//! ids_types=UInt64         only their types; the columns are called _1, _2 and so on
//! ```
//! They are temporary tables of the statement's session. What makes one is put together here, from names and types that were checked.

use std::sync::Arc;

use bytes::Bytes;

use super::judge::refused;
use crate::chdb::Connection;
use crate::exception::{Exception, Kind};
use crate::sql::judge::{Column, read_columns};

/// Tables of one request.
pub(crate) const MAX_TABLES: usize = 16;

/// Bytes of all tables of one request, as they come.
pub(crate) const MAX_BYTES: u64 = 16 << 20;

const MAX_NAME_CHARS: usize = 128;

/// Formats that need nothing but the columns and run nothing, in lower case, without `WithNames`.
const FORMATS: [&str; 16] = [
    "arrow",
    "arrowstream",
    "csv",
    "jsoncompacteachrow",
    "jsoncompactstringseachrow",
    "jsoneachrow",
    "jsonlines",
    "jsonstringseachrow",
    "native",
    "ndjson",
    "parquet",
    "rowbinary",
    "tabseparated",
    "tabseparatedraw",
    "tsv",
    "tsvraw",
];

/// A file of a form, and the place that it holds among those of all requests.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) data: Bytes,
    pub(crate) place: Arc<tokio::sync::SemaphorePermit<'static>>,
}

/// A table, checked.
#[derive(Debug)]
pub(crate) struct ExternalTable {
    name: String,
    format: String,
    columns: Vec<Column>,
    data: Bytes,
    /// Given back when the statement has ended.
    _place: Arc<tokio::sync::SemaphorePermit<'static>>,
}

impl ExternalTable {
    /// Takes what the request says of the table out of the `fields` that it says besides.
    pub(crate) fn new(file: File, fields: &mut Vec<(String, String)>) -> Result<Self, Exception> {
        let File { name, data, place } = file;
        let plain = |character: char| character.is_ascii_alphanumeric() || character == '_';
        if name.is_empty() || name.len() > MAX_NAME_CHARS || !name.chars().all(plain) {
            return Err(wrong(format_args!(
                "the name of an external table must be up to {MAX_NAME_CHARS} letters, digits and _, not {name:?}"
            )));
        }
        let mut take = |what: &str| {
            let at = fields.iter().position(|(field, _)| *field == format!("{name}_{what}"))?;
            Some(fields.remove(at).1)
        };
        let (format, structure, types) = (take("format"), take("structure"), take("types"));
        let format = format.unwrap_or_else(|| "TabSeparated".to_owned());
        let base = format.to_ascii_lowercase();
        let base = base.strip_suffix("withnamesandtypes").or(base.strip_suffix("withnames")).unwrap_or(&base);
        if !FORMATS.contains(&base) {
            return Err(wrong(format_args!(
                "{name}_format={format} is not allowed for an external table; use CSV, TSV, JSONEachRow, RowBinary, Arrow, \
                 Parquet or Native"
            )));
        }
        let columns = match (structure, types) {
            (Some(structure), _) => read_columns(&structure, true),
            (None, Some(types)) => read_columns(&types, false),
            (None, None) => {
                return Err(wrong(format_args!(
                    "the external table {name} has no columns: send {name}_structure or {name}_types"
                )));
            }
        };
        let columns = columns.map_err(|refusal| refused(&refusal))?;
        Ok(Self { name, format, columns, data, _place: place })
    }

    /// Makes the table and fills it. The session must not be `readonly` yet.
    pub(crate) fn load(&self, connection: &mut Connection) -> Result<(), Exception> {
        let quoted = |name: &str| format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"));
        let columns: Vec<String> =
            self.columns.iter().map(|Column { name, r#type }| format!("{} {type}", quoted(name))).collect();
        let name = &self.name;
        let make = format!("CREATE TEMPORARY TABLE `{name}` ({}) ENGINE = Memory", columns.join(", "));
        connection.query(&make, "Null", &[])?;
        if self.data.is_empty() {
            return Ok(());
        }
        let mut insert = connection.insert(&format!("INSERT INTO `{name}`"), &self.format, &[])?;
        // What is wrong with the data, `commit` says.
        insert.append(&self.data);
        insert.commit().map(drop)
    }

    /// Takes it out of a session that lives on.
    pub(crate) fn drop_from(&self, connection: &mut Connection) -> Result<(), Exception> {
        connection.query(&format!("DROP TEMPORARY TABLE IF EXISTS `{}`", self.name), "Null", &[]).map(drop)
    }
}

fn wrong(message: std::fmt::Arguments<'_>) -> Exception {
    Exception::new(Kind::BadArguments, message)
}
