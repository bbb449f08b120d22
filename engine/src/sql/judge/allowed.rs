//! What a reader's statement may name. What is on none of these lists is refused, whatever a later ClickHouse makes of it.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Settings with the largest number that a reader may give them.
pub type Limits<'a> = [(&'a str, u64)];

/// Functions that compute from their arguments and reach nothing: all of ClickHouse 26.7 but for [`REFUSED_FUNCTIONS`], in lower case.
static FUNCTIONS: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("functions.txt").lines().collect());

/// Functions that reach files, dictionaries, other hosts, the log or the request, or parse SQL (which no time limit ends), in lower
/// case. They are not on the list above; they
/// are named because a bare name can stand for a function, too (`arrayMap(file, …)`).
static REFUSED_FUNCTIONS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("refused_functions.txt").lines().collect());

/// Table functions of ClickHouse 26.7 that are not allowed, in lower case. Only an error's words depend on this list.
static REFUSED_TABLE_FUNCTIONS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("refused_table_functions.txt").lines().collect());

/// Settings of output formats that say how values look. None names a file, a schema or a registry.
static OUTPUT_SETTINGS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("output_settings.txt").lines().collect());

/// What may be appended to an aggregate function's name, in lower case.
const COMBINATORS: [&str; 16] = [
    "simplestate",
    "ordefault",
    "distinct",
    "resample",
    "foreach",
    "argmax",
    "argmin",
    "ornull",
    "tuple",
    "merge",
    "state",
    "array",
    "null",
    "map",
    "if",
    "mergestate",
];

/// Table functions that read nothing but their arguments, in lower case.
const TABLE_FUNCTIONS: [&str; 11] = [
    "generate_series",
    "generaterandom",
    "generateseries",
    "numbers",
    "numbers_mt",
    "primes",
    "sqlstandardvalues",
    "values",
    "view",
    "zeros",
    "zeros_mt",
];

/// Tables of `system` about the schema, the parts, and what ClickHouse knows. Not: what others ask, what the configuration says, where
/// data lies elsewhere.
static SYSTEM_TABLES: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("system_tables.txt").lines().collect());

/// Words that can stand before a parenthesis without being a function. The formatter writes them in capitals.
const BEFORE_PARENTHESIS: [&str; 48] = [
    "ALL",
    "AND",
    "ANY",
    "APPLY",
    "ARRAY",
    "AS",
    "ASC",
    "BETWEEN",
    "BY",
    "COLUMNS",
    "CUBE",
    "DESC",
    "DISTINCT",
    "ELSE",
    "EXCEPT",
    "EXISTS",
    "FILTER",
    "FROM",
    "GLOBAL",
    "HAVING",
    "ILIKE",
    "IN",
    "INTERPOLATE",
    "INTERSECT",
    "JOIN",
    "LIKE",
    "LIMIT",
    "NOT",
    "OFFSET",
    "ON",
    "OR",
    "OVER",
    "PREWHERE",
    "QUALIFY",
    "REPLACE",
    "ROLLUP",
    "SELECT",
    "SETS",
    "STEP",
    "TABLE",
    "THEN",
    "TO",
    "UNION",
    "USING",
    "WHEN",
    "WHERE",
    "WITH",
    "REGEXP",
];

/// Formats of answers that need no schema, in lower case.
static FORMATS: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("formats.txt").lines().collect());

/// Formats whose name goes on with what the rows begin with.
const HEADED_FORMATS: [&str; 4] = ["tabseparated", "tabseparatedraw", "tsv", "tsvraw"];

/// What a reader may choose besides how an answer looks, with the largest number if a number costs something: tighter limits, how work
/// is cut, what missing values are. Nothing that lifts a limit, reaches outside, or changes what other statements see.
const SETTINGS: &[(&str, u64)] = &[
    ("aggregate_functions_null_for_empty", 1),
    ("allow_experimental_dynamic_type", 1),
    ("allow_experimental_json_type", 1),
    ("allow_experimental_variant_type", 1),
    ("allow_suspicious_low_cardinality_types", 1),
    ("allow_suspicious_types_in_group_by", 1),
    ("allow_suspicious_types_in_order_by", 1),
    ("allow_suspicious_variant_types", 1),
    ("cast_keep_nullable", 1),
    ("cast_string_to_date_time_mode", 0),
    ("cast_string_to_dynamic_use_inference", 1),
    ("cast_string_to_variant_use_inference", 1),
    ("date_time_input_format", 0),
    ("date_time_output_format", 0),
    ("empty_result_for_aggregation_by_empty_set", 1),
    ("enable_dynamic_type", 1),
    ("enable_json_type", 1),
    ("enable_optimize_predicate_expression", 1),
    ("enable_time_time64_type", 1),
    ("enable_variant_type", 1),
    ("extremes", 1),
    ("final", 1),
    ("format_csv_allow_double_quotes", 1),
    ("format_csv_allow_single_quotes", 1),
    ("format_csv_delimiter", 0),
    ("format_csv_null_representation", 0),
    ("group_by_use_nulls", 1),
    ("http_write_exception_in_output_format", 1),
    ("input_format_csv_empty_as_default", 1),
    ("input_format_null_as_default", 1),
    ("input_format_skip_unknown_fields", 1),
    ("input_format_with_names_use_header", 1),
    ("interval_output_format", 0),
    ("join_use_nulls", 1),
    ("limit", u64::MAX),
    ("max_block_size", 1 << 20),
    ("max_bytes_to_read", u64::MAX),
    ("max_rows_to_group_by", u64::MAX),
    ("max_rows_to_read", u64::MAX),
    ("max_threads", 64),
    ("offset", u64::MAX),
    ("optimize_move_to_prewhere", 1),
    ("optimize_read_in_order", 1),
    ("prefer_column_name_to_alias", 1),
    ("session_timezone", 0),
    ("totals_mode", 0),
    ("transform_null_in", 1),
    ("union_default_mode", 0),
    ("use_client_time_zone", 1),
    ("use_query_cache", 0),
    ("use_query_condition_cache", 1),
    ("use_skip_indexes", 1),
    ("use_variant_as_common_type", 1),
];

pub(super) fn allows_function(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let mut base = name.as_str();
    loop {
        if FUNCTIONS.contains(base) {
            return true;
        }
        match COMBINATORS.iter().find_map(|suffix| base.strip_suffix(suffix)) {
            Some(shorter) if !shorter.is_empty() => base = shorter,
            _ => return false,
        }
    }
}

/// Whether a bare name could be taken for a function that is refused.
pub(super) fn is_refused_function(name: &str) -> bool {
    REFUSED_FUNCTIONS.contains(name.to_ascii_lowercase().as_str())
}

pub(super) fn allows_table_function(name: &str) -> bool {
    TABLE_FUNCTIONS.contains(&name.to_ascii_lowercase().as_str())
}

pub(super) fn is_refused_table_function(name: &str) -> bool {
    REFUSED_TABLE_FUNCTIONS.contains(name.to_ascii_lowercase().as_str())
}

pub(super) fn allows_before_parenthesis(word: &str) -> bool {
    BEFORE_PARENTHESIS.contains(&word)
}

/// Whether it is a database with tables about ClickHouse itself.
pub(super) fn is_system(database: &str) -> bool {
    database.eq_ignore_ascii_case("system")
}

/// Whether it is a database whose tables tell of all the others.
pub(super) fn is_about_the_system(database: &str) -> bool {
    is_system(database) || database.eq_ignore_ascii_case("information_schema")
}

pub(super) fn allows_system_table(name: &str) -> bool {
    SYSTEM_TABLES.contains(name)
}

/// Whether a reader's answer may have this format.
#[must_use]
pub fn allows_format(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let base = name.strip_suffix("withnamesandtypes").or(name.strip_suffix("withnames"));
    FORMATS.contains(name.as_str())
        || HEADED_FORMATS.contains(&name.as_str())
        || base.is_some_and(|base| HEADED_FORMATS.contains(&base))
}

/// Whether a reader may give a setting this value; `None` if it may not name it at all.
#[must_use]
pub fn allows_setting(name: &str, value: &str) -> Option<bool> {
    if OUTPUT_SETTINGS.contains(name) {
        return Some(true);
    }
    let (_, most) = SETTINGS.iter().find(|(allowed, _)| *allowed == name)?;
    Some(match value.parse::<u64>() {
        Ok(number) => *most == 0 || number <= *most,
        Err(_) => matches!(value, "true" | "false") || *most == 0,
    })
}
