//! The table of fields for people: `docs/fields.md`.

use super::columns::COLUMNS;
use super::{Column, Member};

const BEGIN: &str = "\
# The fields of an event

One row for each column of the view `events`, in its order. *Search* is the name in `q` of `GET /api/v1/events` and of
`log-center` (other names that it takes stand behind it), *record* the place in a record, as it is sent and as it is answered.
Besides, each event has an `id`, which is the same in `events`, in records, and in the occurrences of an issue, and the number of
the `batch` that brought it.

This file is made from the program's own table; a test says how to make it anew.

| column | type | search | record | |
|---|---|---|---|---|
";

/// The page.
pub fn page() -> String {
    let rows: String = COLUMNS.iter().map(row).collect();
    format!("{BEGIN}{rows}")
}

fn row(column: &Column) -> String {
    let search = column.search.as_ref().map_or_else(String::new, |field| {
        let others: Vec<_> = field.aliases.iter().map(|name| format!("`{name}`")).collect();
        match others.is_empty() {
            true => format!("`{}`", field.name),
            false => format!("`{}` ({})", field.name, others.join(", ")),
        }
    });
    let record = column.record.as_ref().map_or_else(String::new, |member| format!("`{}`", path(member)));
    let (name, sql_type, comment) = (column.name, column.view_type, column.comment);
    format!("| `{name}` | `{sql_type}` | {search} | {record} | {comment} |\n")
}

fn path(member: &Member) -> String {
    member.object.map_or_else(|| member.name.to_owned(), |object| format!("{object}.{}", member.name))
}
