//! Conditions in SQL that a setting brings as text, by table. Grafana's ad-hoc filters come this way.

use super::Refusal;
use super::token::{Token, tokens};

/// The setting, a map: `{'table':'condition', …}`.
pub const FILTERS: &str = "additional_table_filters";

/// A condition on the rows of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    pub(super) table: String,
    pub(super) condition: String,
}

impl Filter {
    /// A statement that holds the condition, to be judged.
    #[must_use]
    pub fn statement(&self) -> String {
        format!("SELECT (\n{}\n)", self.condition)
    }

    /// Whether it chooses among the rows of a table that tells of other tables.
    #[must_use]
    pub fn is_on_system(&self) -> bool {
        self.table.split_once('.').is_some_and(|(database, _)| super::allowed::is_about_the_system(database))
    }
}

/// The conditions in a value of the setting. They are still to be judged.
///
/// # Errors
/// It is no map of texts.
pub fn read_filters(value: &str) -> Result<Vec<Filter>, Refusal> {
    let mut filters = Vec::new();
    match tokens(value)?.as_slice() {
        [] => {}
        [Token::Symbol('{'), Token::Symbol('}')] => {}
        [Token::Symbol('{'), map @ ..] if read_map(map, &mut filters)?.is_empty() => {}
        _ => return Err(Refusal::SettingValue(FILTERS.to_owned())),
    }
    Ok(filters)
}

/// The value of the setting with these conditions.
#[must_use]
pub fn write_filters(filters: &[Filter]) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
    let pairs: Vec<String> = filters
        .iter()
        .map(|Filter { table, condition }| format!("{}:{}", quoted(table), quoted(condition)))
        .collect();
    format!("{{{}}}", pairs.join(","))
}

/// Reads the rest of a map and gives what follows.
pub(super) fn read_map<'tokens>(
    mut rest: &'tokens [Token],
    filters: &mut Vec<Filter>,
) -> Result<&'tokens [Token], Refusal> {
    loop {
        let [Token::Text(table), Token::Symbol(':'), Token::Text(condition), after @ ..] = rest else {
            return Err(Refusal::SettingValue(FILTERS.to_owned()));
        };
        filters.push(Filter { table: table.clone(), condition: condition.clone() });
        match after {
            [Token::Symbol(','), after @ ..] => rest = after,
            [Token::Symbol('}'), after @ ..] => return Ok(after),
            _ => return Err(Refusal::SettingValue(FILTERS.to_owned())),
        }
    }
}
