use crate::error::Error;

/// Which records go to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ForwardMode {
    /// Those of level ERROR and up. They always carry `err`, so each is an occurrence of an issue.
    #[default]
    Errors,
    /// Every record, the layer's own ones too.
    All,
    /// The flight recorder: every record of a request that met an ERROR or a panic, or took too long
    /// ([`Builder::slow_request`](crate::Builder::slow_request)), DEBUG too, and those of before it did. Those of other
    /// requests are kept in memory until the request ends, and forgotten then. Outside of requests: level ERROR and up.
    ///
    /// What is kept need not be written: `LOG_CENTER_LEVEL` says what is kept (default `debug`), `RUST_LOG` what is
    /// written ([`Builder::init`](crate::Builder::init)).
    OnError,
}

impl ForwardMode {
    /// Reads the value of a variable; None is `off`.
    pub(crate) fn parse(variable: &str, text: &str) -> Result<Option<Self>, Error> {
        Ok(Some(match text.to_ascii_lowercase().as_str() {
            "off" => return Ok(None),
            "errors" => ForwardMode::Errors,
            "all" => ForwardMode::All,
            "on-error" => ForwardMode::OnError,
            _ => {
                return Err(Error::new(format!("{variable}={text:?}: must be errors, all, on-error or off")));
            }
        }))
    }
}
