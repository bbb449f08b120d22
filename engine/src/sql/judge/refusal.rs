use std::fmt;

/// Why a statement is refused to somebody who may only read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// It holds no statement.
    Empty,
    /// It holds more than one.
    Several,
    /// It is not of a kind that only reads, or a part of it is not; ClickHouse's name for the part, or the first word.
    Writes(String),
    /// A `SETTINGS` clause, be it in a subquery, names a setting that a reader cannot change.
    Setting(String),
    /// A `SETTINGS` clause gives a setting a value beyond its limit.
    SettingValue(String),
    /// It has an `INTO OUTFILE`.
    FileClause,
    /// It names a function that is not known to only compute.
    Function(String),
    /// It calls a function that nobody knows.
    UnknownFunction(String),
    /// It reads a table function that is not known to reach nothing outside.
    TableFunction(String),
    /// It names a table of `system` that shows more than the database.
    SystemTable(String),
    /// It names a database that is not for readers.
    Database(String),
    /// It brings conditions of its own and reads tables of `system`, whose rows are chosen by conditions, too.
    Filters,
    /// The columns of a table that comes with the request, or is made by the statement.
    Columns(String),
    /// It asks for a format that needs a schema, or is no format for answers.
    Format(String),
    /// A function that reads a string as code is not given one that is written out and plain.
    Code(String),
    /// A value of a type that holds states of aggregate functions, whose bytes ClickHouse trusts.
    State,
    /// A parameter of type `Identifier` has a value that is not a plain name.
    Identifier(String),
    /// A control character, an invisible one, or another one beyond ASCII, where only ASCII belongs.
    Character(char),
    /// It has very many SELECTs, or would have if what its names stand for were written out.
    Expansion,
    /// It has very many marks of heredocs (`$tag$`).
    Heredocs,
    /// It has an escape in a string that makes bytes which are no text.
    Bytes,
    /// ClickHouse understood it in a way that cannot be checked.
    Unclear,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("there is no statement"),
            Self::Several => f.write_str("only one statement at a time is allowed"),
            Self::Writes(what) => write!(
                f,
                "only statements that read are allowed: SELECT, WITH, FROM, SHOW, DESCRIBE, EXPLAIN, EXISTS; this one has {what}"
            ),
            Self::Setting(name) => write!(
                f,
                "the setting {name} is not allowed in a SETTINGS clause; leave it out, or put a column of that name in quotes"
            ),
            Self::SettingValue(name) => {
                write!(
                    f,
                    "the value of {name} is not allowed in a SETTINGS clause; a limit can only be lowered"
                )
            }
            Self::FileClause => f.write_str("INTO OUTFILE and FROM INFILE are not allowed"),
            Self::Function(name) => write!(
                f,
                "the function {name} is not allowed, nor is anything else of that name; only functions that compute are"
            ),
            Self::UnknownFunction(name) => write!(
                f,
                "there is no function {name}; functions of one's own and views with parameters are not allowed"
            ),
            Self::TableFunction(name) => write!(
                f,
                "the table function {name} is not allowed; those that read nothing outside are: numbers, values, generateSeries, view"
            ),
            Self::SystemTable(name) => write!(
                f,
                "the table {name} is not allowed; tables about the schema and its parts are, such as system.tables, system.columns, \
                 system.parts, system.settings"
            ),
            Self::Database(name) => {
                write!(f, "the database {name} is not for readers; show the password to read it")
            }
            Self::Filters => write!(
                f,
                "{} cannot be combined with tables of system; write the condition into the statement",
                super::FILTERS
            ),
            Self::Columns(text) => write!(
                f,
                "columns must be given as names and types, as in `id UInt64, name String`, not {text:?}"
            ),
            Self::Format(name) => {
                write!(
                    f,
                    "the format {name} is not allowed; use one without a schema, such as JSON, CSV, Parquet, ArrowStream"
                )
            }
            Self::Code(name) => {
                let plain = match name.to_ascii_lowercase().as_str() {
                    "generaterandom" => "columns as in 'a UInt8, b String'",
                    "cast" | "_cast" => "a type as in 'Array(UInt8)'",
                    _ => "an aggregate function as in 'quantile(0.5)'",
                };
                write!(f, "{name} must be given {plain}, written out where it is called and without anything to compute")
            }
            Self::State => f.write_str("a state of an aggregate function cannot be given as a value"),
            Self::Identifier(name) => write!(
                f,
                "the parameter {name} of type Identifier must be a name of letters, digits and _, with dots between its parts"
            ),
            Self::Character(character) => write!(
                f,
                "the character U+{:04X} is not allowed outside of strings, quoted names and comments",
                u32::from(*character)
            ),
            Self::Expansion => {
                f.write_str("the statement has too many parts, each counted as often as its name is used; ask for less at once")
            }
            Self::Heredocs => {
                f.write_str("there are too many marks like $tag$; write strings in single quotes")
            }
            Self::Bytes => f.write_str("a string holds bytes that are not UTF-8; write them with unhex('…')"),
            Self::Unclear => f.write_str("the statement cannot be checked; write it in a plainer way"),
        }
    }
}

impl std::error::Error for Refusal {}
