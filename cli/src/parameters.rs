//! The query of an address.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::fmt::Display;

/// Parameters of a request, as they stand behind the `?`.
#[derive(Debug, Clone, Default)]
pub(super) struct Parameters(String);

impl Parameters {
    /// With this one besides; without, if there is no value.
    pub(super) fn with(mut self, name: &str, value: Option<impl Display>) -> Self {
        if let Some(value) = value {
            self.0.push(if self.0.is_empty() { '?' } else { '&' });
            let value = value.to_string();
            self.0.extend([name, "="]);
            self.0.extend(utf8_percent_encode(&value, NON_ALPHANUMERIC));
        }
        self
    }

    /// A path with these.
    pub(super) fn behind(&self, path: &str) -> String {
        format!("{path}{}", self.0)
    }
}

/// A text as one step of a path.
pub(super) fn step(text: &str) -> impl Display {
    utf8_percent_encode(text, NON_ALPHANUMERIC)
}

#[cfg(test)]
mod tests {
    use super::Parameters;

    #[test]
    fn values_are_escaped() {
        let parameters = Parameters::default()
            .with("q", Some("a b&c=ü"))
            .with("since", None::<&str>)
            .with("limit", Some(7));
        assert_eq!(parameters.behind("/x"), "/x?q=a%20b%26c%3D%C3%BC&limit=7");
        assert_eq!(Parameters::default().behind("/x"), "/x");
    }
}
