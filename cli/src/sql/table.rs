//! An answer as a table.

use crate::Ending;
use crate::style::plain;
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};
use serde::Deserialize;
use serde_json::Value;
use std::io::{self, IsTerminal, Write};
use terminal_size::{Width, terminal_size};

/// The server's answer.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    columns: Vec<Column>,
    rows: Vec<Vec<Value>>,
    row_count: u64,
    truncated: bool,
    elapsed_ms: f64,
}

#[derive(Debug, Deserialize)]
struct Column {
    name: String,
}

/// The rows on standard output, how many there are on standard error.
pub(super) fn print(answer: &Answer) -> anyhow::Result<Ending> {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED);
    if let Some((Width(width), _)) = terminal_size().filter(|_| io::stdout().is_terminal()) {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    table.set_header(answer.columns.iter().map(|column| plain(&column.name).into_owned()));
    for row in &answer.rows {
        table.add_row(row.iter().map(cell));
    }
    let mut out = io::stdout().lock();
    writeln!(out, "{table}")?;
    out.flush()?;
    let (rows, more) = match (answer.row_count, answer.truncated) {
        (1, false) => ("1 row".to_owned(), ""),
        (count, false) => (format!("{count} rows"), ""),
        (count, true) => (format!("the first {count} rows"), "; --max-rows shows more"),
    };
    _ = writeln!(io::stderr(), "{rows} in {} ms{more}", answer.elapsed_ms);
    Ok(Ending::Done)
}

fn cell(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::new("NULL"),
        Value::Number(number) => Cell::new(number.to_string()).set_alignment(CellAlignment::Right),
        Value::String(text) => Cell::new(plain(text)),
        other => Cell::new(plain(&other.to_string())),
    }
}
