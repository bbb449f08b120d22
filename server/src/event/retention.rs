//! How long an event is kept.

use std::fmt;
use std::str::FromStr;

/// Days for which an event is kept unless configured otherwise: a year and a month, so that a month can be
/// compared with the same one of the year before.
pub const DEFAULT_RETENTION_DAYS: u16 = 400;

/// Most days for which an event can be kept: 27 years.
pub const RETENTION_DAYS_MAX: u16 = 10_000;

/// Most rules.
const RULES_MAX: usize = 1_000;

/// For how many days events are kept, by project and scope. Written `400, shop=90, */stat=14, shop/biz=1000`: a number
/// alone is for all others, and the rule that says more wins (project and scope, then project, then scope).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    days: u16,
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    /// `None` = any.
    project: Option<String>,
    scope: Option<String>,
    days: u16,
}

impl Retention {
    /// The days for an event of this project and scope.
    pub fn days(&self, project: &str, scope: &str) -> u16 {
        let fits = |rule: &&Rule| {
            rule.project.as_deref().is_none_or(|known| known == project)
                && rule.scope.as_deref().is_none_or(|known| known == scope)
        };
        let rule = self.rules.iter().filter(fits).max_by_key(|rule| rule.weight());
        rule.map_or(self.days, |rule| rule.days)
    }

    /// The days for which every event is kept, whatever it is.
    pub fn least_days(&self) -> u16 {
        self.rules.iter().map(|rule| rule.days).fold(self.days, u16::min)
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self { days: DEFAULT_RETENTION_DAYS, rules: Vec::new() }
    }
}

impl Rule {
    fn weight(&self) -> u8 {
        2 * u8::from(self.project.is_some()) + u8::from(self.scope.is_some())
    }
}

/// Why a retention cannot be used: the part at fault, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionError(String);

impl fmt::Display for RetentionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RetentionError {}

impl FromStr for Retention {
    type Err = RetentionError;

    fn from_str(text: &str) -> Result<Self, RetentionError> {
        let mut retention = Self::default();
        let mut is_given = false;
        let mut is_default_given = false;
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            is_given = true;
            match part.split_once('=') {
                None if is_default_given => {
                    return Err(RetentionError(format!(
                        "{part:?} is the second number for all others; give one"
                    )));
                }
                None => {
                    retention.days = days(part, part)?;
                    is_default_given = true;
                }
                Some((subject, number)) => {
                    let (project, scope) = subject.split_once('/').unwrap_or((subject, "*"));
                    let named = |name: &str| Some(name.trim().to_owned()).filter(|name| name != "*");
                    let rule = Rule {
                        project: named(project),
                        scope: named(scope),
                        days: days(part, number.trim())?,
                    };
                    if rule.weight() == 0
                        || [&rule.project, &rule.scope].into_iter().flatten().any(String::is_empty)
                    {
                        return Err(RetentionError(format!(
                            "{part:?} must name a project, */SCOPE or PROJECT/SCOPE before the ="
                        )));
                    }
                    let is_doubled =
                        |known: &Rule| known.project == rule.project && known.scope == rule.scope;
                    if retention.rules.iter().any(is_doubled) {
                        return Err(RetentionError(format!(
                            "{part:?} is the second rule for the same; give one"
                        )));
                    }
                    retention.rules.push(rule);
                }
            }
        }
        if !is_given {
            return Err(RetentionError("it is empty; leave it out, or give a number of days".to_owned()));
        }
        if retention.rules.len() > RULES_MAX {
            return Err(RetentionError(format!("there are more than {RULES_MAX} rules")));
        }
        Ok(retention)
    }
}

fn days(part: &str, number: &str) -> Result<u16, RetentionError> {
    number.parse().ok().filter(|days| (1..=RETENTION_DAYS_MAX).contains(days)).ok_or_else(|| {
        RetentionError(format!("{part:?} must give a number of days from 1 to {RETENTION_DAYS_MAX}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_that_says_more_wins() {
        let retention: Retention = "30, shop=90, */stat=14, shop/biz=1000, */biz=500".parse().unwrap();
        for (project, scope, days) in [
            ("pay", "visit", 30),
            ("shop", "visit", 90),
            ("pay", "stat", 14),
            ("shop", "stat", 90),
            ("shop", "biz", 1000),
            ("pay", "biz", 500),
            ("pay", "", 30),
        ] {
            assert_eq!(retention.days(project, scope), days, "{project}/{scope}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (text, named) in [
            ("0", "\"0\""),
            ("shop=", "\"shop=\""),
            ("shop=ten", "\"shop=ten\""),
            ("shop=10001", "\"shop=10001\""),
            ("*=3", "\"*=3\""),
            ("*/*=3", "\"*/*=3\""),
            ("=3", "\"=3\""),
            ("-1", "\"-1\""),
            ("", "it is empty"),
            (" , ", "it is empty"),
            ("400, 400", "\"400\" is the second"),
            ("shop=1, shop/*=2", "\"shop/*=2\" is the second"),
        ] {
            let error = text.parse::<Retention>().unwrap_err().to_string();
            assert!(error.starts_with(named), "{text}: {error}");
        }
    }
}
