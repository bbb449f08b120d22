//! The canonical text of a statement, and everything in it that has a name.

use super::filters::{FILTERS, Filter, read_map};
use super::token::{Token, tokens};
use super::{Databases, Limits, Refusal, allowed, code, expansion, tree};

/// A canonical text whose names were checked. Its tree has still to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    sql: String,
    format: Option<String>,
    filters: Vec<Filter>,
    sets: bool,
    names_system: bool,
    names_settings: bool,
    interpolates: bool,
    /// Names of common tables, in their order.
    common: Vec<String>,
}

/// First words of a canonical text.
const STATEMENTS: [&str; 6] = ["SELECT", "WITH", "SHOW", "DESCRIBE", "EXPLAIN", "EXISTS"];

impl Judged {
    /// Checks a canonical text, as [`FORMAT`](super::FORMAT) gives it. `limits` bind what a `SETTINGS` clause may lower.
    ///
    /// # Errors
    /// What it holds that a reader's statement must not.
    pub fn read(
        canonical: &str,
        parameters: &[(String, String)],
        limits: &Limits<'_>,
    ) -> Result<Self, Refusal> {
        let sql = canonical.trim_end();
        let tokens = with_identifiers(tokens(sql)?, parameters)?;
        let mut judged = Self::new(sql);
        let first = tokens.iter().find(|token| **token != Token::Symbol('('));
        match first {
            Some(Token::Word(word)) if STATEMENTS.contains(&word.as_str()) => {
                judged.names_system = word == "SHOW";
                check_shown(&tokens)?;
            }
            Some(Token::Word(word)) => return Err(Refusal::Writes(word.clone())),
            _ => return Err(Refusal::Unclear),
        }
        for at in 0..tokens.len() {
            judged.check(&tokens, at, limits)?;
        }
        Ok(judged)
    }

    fn new(sql: &str) -> Self {
        Self {
            sql: sql.to_owned(),
            format: None,
            filters: Vec::new(),
            sets: false,
            names_system: false,
            names_settings: false,
            interpolates: false,
            common: Vec::new(),
        }
    }

    /// A statement that only asks how another one is understood: [`FORMAT`](super::FORMAT), by a server whose ClickHouse is this engine.
    ///
    /// # Errors
    /// That other one keeps ClickHouse's lexer busy for too long.
    pub fn of_format(parameters: &[(String, String)]) -> Result<Self, Refusal> {
        for (_, value) in parameters {
            super::check_marks(value)?;
        }
        Ok(Self::new(super::FORMAT))
    }

    /// The text that may run once its tree is checked, too.
    #[must_use]
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// The format that its `FORMAT` clause names.
    #[must_use]
    pub fn format(&self) -> Option<&str> {
        self.format.as_deref()
    }

    /// Whether it has a `SETTINGS` clause.
    #[must_use]
    pub fn sets(&self) -> bool {
        self.sets
    }

    /// The value of `readonly` that it runs under. ClickHouse refuses every `SETTINGS` clause under 1, and tells whoever looks into
    /// `system.settings` under 1 that no setting can be changed, which clients believe. Under 2 only what was judged is different.
    #[must_use]
    pub fn readonly(&self) -> u8 {
        if self.sets || self.names_settings { 2 } else { 1 }
    }

    /// The conditions that its `SETTINGS` clauses bring as text. Each must be judged as well ([`Filter::statement`]), and have none.
    #[must_use]
    pub fn filters(&self) -> &[Filter] {
        &self.filters
    }

    /// Whether it reads tables of `system`, by their names or by a SHOW, whose rows conditions may hide from readers.
    #[must_use]
    pub fn names_system(&self) -> bool {
        self.names_system
    }

    /// The statement whose answer is the tree for [`check_tree`](Self::check_tree). It takes the same parameters.
    #[must_use]
    pub fn explain(&self) -> String {
        format!("EXPLAIN AST {}", self.sql)
    }

    /// Checks the tree that [`Self::explain`] gives: nothing but reading is in it, all of it is there, and it does not become too large.
    ///
    /// # Errors
    /// What it holds that a reader's statement must not.
    pub fn check_tree(&self, tree: &str, databases: &Databases) -> Result<(), Refusal> {
        tree::check_tree(tree, databases)?;
        expansion::check(tree, &self.common)
    }

    fn check(&mut self, tokens: &[Token], at: usize, limits: &Limits<'_>) -> Result<(), Refusal> {
        let before = at.checked_sub(1).and_then(|before| tokens.get(before));
        let after = tokens.get(at + 1);
        let token = &tokens[at];
        if token.is_keyword("INTO") && after.is_some_and(|next| next.is_keyword("OUTFILE")) {
            return Err(Refusal::FileClause);
        }
        if token.is_keyword("SETTINGS") && after.is_some_and(|next| next.name().is_some()) {
            if tokens.get(at + 2) == Some(&Token::Symbol('=')) {
                self.sets = true;
                return self.settings(&tokens[at + 1..], limits);
            }
            let shown = before.is_some_and(|word| word.is_keyword("SHOW") || word.is_keyword("CHANGED"));
            if !shown && !after.is_some_and(|next| next.is_keyword("AS")) {
                return Err(Refusal::Unclear);
            }
        }
        if token.is_keyword("FORMAT")
            && let Some(name) = after.and_then(Token::name)
        {
            if !allowed::allows_format(name) {
                return Err(Refusal::Format(name.to_owned()));
            }
            self.format = Some(name.to_owned());
        }
        if let Token::Parameter { r#type, .. } = token {
            return code::check_type(r#type);
        }
        let Some(name) = token.name() else { return Ok(()) };
        if before == Some(&Token::Symbol('.')) {
            return check_call(token, after, true);
        }
        if allowed::is_refused_function(name) {
            return Err(Refusal::Function(name.to_owned()));
        }
        if allowed::is_about_the_system(name) && after == Some(&Token::Symbol('.')) {
            self.names_system = true;
        }
        if allowed::is_system(name) && after == Some(&Token::Symbol('.')) {
            let table = tokens.get(at + 2).and_then(Token::name).ok_or(Refusal::Unclear)?;
            if !allowed::allows_system_table(table) {
                return Err(Refusal::SystemTable(format!("system.{table}")));
            }
            self.names_settings |= table == "settings";
        }
        if let [_, word, next, ..] = &tokens[at..]
            && word.is_keyword("AS")
            && (*next == Token::Symbol('(') || next.is_keyword("MATERIALIZED"))
        {
            self.common.push(name.to_owned());
        }
        code::check(name, &tokens[at + 1..])?;
        self.interpolates |= token.is_keyword("INTERPOLATE");
        // An alias, and the names of its columns; but INTERPOLATE has an expression behind AS.
        if before.is_some_and(|word| word.is_keyword("AS")) && !self.interpolates {
            return Ok(());
        }
        check_call(token, after, false)
    }

    /// Checks `name = value, …` from the first name on.
    fn settings(&mut self, mut rest: &[Token], limits: &Limits<'_>) -> Result<(), Refusal> {
        loop {
            let [name, Token::Symbol('='), value @ ..] = rest else { return Err(Refusal::Unclear) };
            let name = name.name().ok_or(Refusal::Unclear)?;
            rest = match value {
                [Token::Symbol('{'), map @ ..] if name == FILTERS => read_map(map, &mut self.filters)?,
                [Token::Word(value), after @ ..] if value == "true" || value == "false" => {
                    check_value(name, value, limits)?;
                    after
                }
                [Token::Number(value) | Token::Text(value), after @ ..] => {
                    check_value(name, value, limits)?;
                    after
                }
                _ if allowed::allows_setting(name, "").is_none() => {
                    return Err(Refusal::Setting(name.to_owned()));
                }
                _ => return Err(Refusal::SettingValue(name.to_owned())),
            };
            match rest {
                [Token::Symbol(','), after @ ..] => rest = after,
                _ => return Ok(()),
            }
        }
    }
}

/// A SHOW that reads a table of `system` which is not for readers by its own name.
fn check_shown(tokens: &[Token]) -> Result<(), Refusal> {
    let [show, what, ..] = tokens else { return Ok(()) };
    let hidden =
        [("CLUSTER", "clusters"), ("CLUSTERS", "clusters"), ("FILESYSTEM", "filesystem_cache_settings")];
    let hidden = hidden.iter().find(|(word, _)| show.is_keyword("SHOW") && what.is_keyword(word));
    hidden.map_or(Ok(()), |(_, table)| Err(Refusal::SystemTable(format!("system.{table}"))))
}

/// Checks a name that a parenthesis may follow, which makes it a function.
fn check_call(name: &Token, after: Option<&Token>, is_part: bool) -> Result<(), Refusal> {
    let (true, Some(text)) = (after == Some(&Token::Symbol('(')), name.name()) else { return Ok(()) };
    let is_keyword = matches!(name, Token::Word(word) if allowed::allows_before_parenthesis(word));
    // `t.COLUMNS('…')`; no function is called by a name of two parts.
    if is_keyword || (!is_part && (allowed::allows_function(text) || allowed::allows_table_function(text))) {
        return Ok(());
    }
    Err(if allowed::is_refused_table_function(text) {
        Refusal::TableFunction(text.to_owned())
    } else {
        Refusal::UnknownFunction(text.to_owned())
    })
}

fn check_value(name: &str, value: &str, limits: &Limits<'_>) -> Result<(), Refusal> {
    let is_allowed = match limits.iter().find(|(limited, _)| *limited == name) {
        // Zero means none.
        Some((_, limit)) => value.parse::<u64>().is_ok_and(|value| value > 0 && value <= *limit),
        // The first two would cut the tree that is still to be checked; the others would change the frame that whoever asked put around
        // the rows.
        None if matches!(
            name,
            "limit" | "offset" | "output_format_json_array_of_rows" | "output_format_json_pretty_print"
        ) =>
        {
            return Err(Refusal::Setting(name.to_owned()));
        }
        None => allowed::allows_setting(name, value).ok_or_else(|| Refusal::Setting(name.to_owned()))?,
    };
    if is_allowed { Ok(()) } else { Err(Refusal::SettingValue(name.to_owned())) }
}

/// The tokens with the values of parameters that name something in their place. ClickHouse puts those in after parsing.
fn with_identifiers(tokens: Vec<Token>, parameters: &[(String, String)]) -> Result<Vec<Token>, Refusal> {
    let mut all = Vec::with_capacity(tokens.len());
    for token in tokens {
        let Token::Parameter { name, r#type } = &token else {
            all.push(token);
            continue;
        };
        if !r#type.trim().eq_ignore_ascii_case("Identifier") {
            all.push(token);
            continue;
        }
        let values = parameters.iter().filter(|(given, _)| given == name);
        let mut found = false;
        for (_, value) in values {
            // A name given twice: whichever ClickHouse takes, both must do.
            if found {
                return Err(Refusal::Identifier(name.clone()));
            }
            found = true;
            for (number, part) in value.split('.').enumerate() {
                let plain =
                    part.chars().all(|character| character.is_ascii_alphanumeric() || character == '_');
                if part.is_empty() || !plain {
                    return Err(Refusal::Identifier(name.clone()));
                }
                if number > 0 {
                    all.push(Token::Symbol('.'));
                }
                all.push(Token::Quoted(part.to_owned()));
            }
        }
        if !found {
            all.push(token);
        }
    }
    Ok(all)
}
