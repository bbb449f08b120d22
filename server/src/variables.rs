//! Variables that nobody reads, most of them misspelt.

use clap::Command;
use std::collections::BTreeSet;

/// How the names of all variables of this program begin.
const PREFIX: &str = "LOG_CENTER_";

/// From this likeness on (0 to 1) a known name is taken for the one that was meant.
const LIKENESS_MIN: f64 = 0.85;

/// Warns of each variable that begins as ours do and is none. `program` is the definition of the whole command line, which
/// knows the names. Values are not shown: one may be a password.
pub fn warn_of_unknown(program: &Command) {
    let mut known: BTreeSet<String> = log_center::VARIABLES.iter().map(|name| (*name).to_owned()).collect();
    collect(program, &mut known);
    let set = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in set.filter(|name| name.to_ascii_uppercase().starts_with(PREFIX) && !known.contains(name)) {
        match nearest(&name, &known) {
            Some(meant) => {
                tracing::warn!("nobody reads the variable {name}; did you mean {meant}?");
            }
            None => tracing::warn!("nobody reads the variable {name}; see log-center serve --help"),
        }
    }
}

/// The variable that stands for an option, which is written as in an error: `--api-addr <ADDR>`.
pub fn of_option(program: &Command, option: &str) -> Option<String> {
    let name = option.strip_prefix("--")?.split([' ', '=']).next()?;
    let found = program.get_arguments().find(|argument| argument.get_long() == Some(name));
    let own = found.and_then(|argument| argument.get_env()?.to_str().map(str::to_owned));
    own.or_else(|| program.get_subcommands().find_map(|command| of_option(command, option)))
}

fn collect(command: &Command, known: &mut BTreeSet<String>) {
    let names = command.get_arguments().filter_map(|argument| argument.get_env()?.to_str());
    known.extend(names.map(str::to_owned));
    command.get_subcommands().for_each(|command| collect(command, known));
}

fn nearest<'a>(name: &str, known: &'a BTreeSet<String>) -> Option<&'a str> {
    let name = name.to_ascii_uppercase();
    let rest = |name: &str| name.get(PREFIX.len()..).unwrap_or_default().to_owned();
    let likeness = |other: &String| strsim::jaro_winkler(&rest(&name), &rest(other));
    let best = known.iter().max_by(|one, other| likeness(one).total_cmp(&likeness(other)))?;
    (likeness(best) >= LIKENESS_MIN).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::nearest;
    use std::collections::BTreeSet;

    #[test]
    fn finds_the_name_that_was_meant() {
        let known = ["RETENTION", "SPOOL_MAX_BYTES", "API_ADDR", "CLICKHOUSE_URL", "URL", "LOG"];
        let known: BTreeSet<_> = known.iter().map(|name| format!("LOG_CENTER_{name}")).collect();
        for (name, expected) in [
            ("LOG_CENTER_RETENTON", Some("LOG_CENTER_RETENTION")),
            ("LOG_CENTER_retention", Some("LOG_CENTER_RETENTION")),
            ("LOG_CENTER_SPOOL_MAX_BYTE", Some("LOG_CENTER_SPOOL_MAX_BYTES")),
            ("LOG_CENTER_API_ADDRESS", Some("LOG_CENTER_API_ADDR")),
            ("LOG_CENTER_CLIKHOUSE_URL", Some("LOG_CENTER_CLICKHOUSE_URL")),
            ("LOG_CENTER_XYZZY", None),
            ("LOG_CENTER_", None),
        ] {
            assert_eq!(nearest(name, &known), expected, "{name}");
        }
    }
}
