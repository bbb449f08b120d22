use super::http::{Client, Endpoint};
use super::key::Key;
use super::mode::ForwardMode;
use super::queue::Queue;
use super::store::Bounds;
use crate::error::Error;
use crate::limits::{QUEUE_BYTES, QUEUE_RECORDS};
use crate::recorder::{self, Recorder};
use crate::variable;
use std::time::Duration;
use tracing_subscriber::filter::{LevelFilter, Targets};

/// What the program says about forwarding. What it leaves open is asked of the environment.
pub(crate) struct Settings {
    pub(crate) target: Target,
    pub(crate) key: Option<String>,
    pub(crate) mode: Option<ForwardMode>,
    pub(crate) filter: Option<Targets>,
    pub(crate) bounds: Bounds,
    pub(crate) recorder: recorder::Bounds,
    pub(crate) slow_request: Option<Duration>,
}

/// Where the address of the server comes from.
pub(crate) enum Target {
    Variable,
    Given(String),
    Nowhere,
}

/// What is to be done, every word of it checked. A forked child makes its own of it.
#[derive(Clone)]
pub(crate) struct Forwarding {
    pub(crate) endpoint: Endpoint,
    pub(crate) key: Option<Key>,
    pub(crate) mode: ForwardMode,
    /// None: what is written is handed over.
    pub(crate) filter: Option<Targets>,
    pub(crate) bounds: Bounds,
    pub(crate) recorder: recorder::Bounds,
    pub(crate) slow_request: Option<Duration>,
}

impl Forwarding {
    pub(crate) fn new_queue(&self) -> Queue {
        Queue::new(self.bounds)
    }

    /// With no connection yet: two processes must not share one.
    pub(crate) fn new_client(&self) -> Client {
        Client::new(self.endpoint.clone(), self.key.clone())
    }

    /// Only in the mode that it is for.
    pub(crate) fn new_recorder(&self) -> Option<Recorder> {
        let is_recorded = self.mode == ForwardMode::OnError;
        is_recorded.then(|| Recorder::new(self.recorder, self.slow_request))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            target: Target::Variable,
            key: None,
            mode: None,
            filter: None,
            bounds: Bounds { bytes: QUEUE_BYTES, records: QUEUE_RECORDS },
            recorder: recorder::Bounds::default(),
            slow_request: None,
        }
    }
}

impl Settings {
    /// None: records are only written. A variable that cannot be is an error even then, unless the program itself wants
    /// no server: then nobody looks at them.
    pub(crate) fn resolve(&self) -> Result<Option<Forwarding>, Error> {
        if matches!(self.target, Target::Nowhere) {
            self.check()?;
            return Ok(None);
        }
        let endpoint = self.endpoint()?;
        let key = match (&self.key, variable::read(variable::KEY)) {
            (Some(key), _) => Some(Key::parse("key", key)?),
            (None, Some(key)) => Some(Key::parse(variable::KEY, &key)?),
            (None, None) => None,
        };
        let mode = match (self.mode, variable::read(variable::MODE)) {
            (Some(mode), _) => Some(mode),
            (None, Some(text)) => ForwardMode::parse(variable::MODE, &text)?,
            (None, None) => Some(ForwardMode::default()),
        };
        let filter = match &self.filter {
            Some(filter) => Some(filter.clone()),
            None => variable::read_targets(variable::LEVEL)?,
        };
        let slow_request = match self.slow_request {
            Some(duration) => Some(duration),
            None => slow_request()?,
        };
        self.check()?;
        let (Some(endpoint), Some(mode)) = (endpoint, mode) else { return Ok(None) };
        let filter = match mode {
            ForwardMode::OnError => {
                Some(filter.unwrap_or_else(|| Targets::new().with_default(LevelFilter::DEBUG)))
            }
            ForwardMode::Errors | ForwardMode::All => filter,
        };
        let Self { bounds, recorder, .. } = *self;
        Ok(Some(Forwarding { endpoint, key, mode, filter, bounds, recorder, slow_request }))
    }

    fn endpoint(&self) -> Result<Option<Endpoint>, Error> {
        match &self.target {
            Target::Nowhere => Ok(None),
            Target::Given(url) => Endpoint::parse("endpoint", url).map(Some),
            Target::Variable => {
                variable::read(variable::URL).map(|url| Endpoint::parse(variable::URL, &url)).transpose()
            }
        }
    }

    fn check(&self) -> Result<(), Error> {
        if self.bounds.records == 0 || self.bounds.bytes == 0 {
            return Err(Error::new("queue_bytes and queue_records must be at least 1"));
        }
        let recorder::Bounds { bytes, request_bytes, request_records } = self.recorder;
        if bytes == 0 || request_bytes == 0 || request_records == 0 {
            return Err(Error::new("recorder_bytes, request_bytes and request_records must be at least 1"));
        }
        Ok(())
    }
}

fn slow_request() -> Result<Option<Duration>, Error> {
    let Some(text) = variable::read(variable::SLOW_MS) else { return Ok(None) };
    match text.parse() {
        Ok(millis) if millis > 0 => Ok(Some(Duration::from_millis(millis))),
        _ => Err(Error::new(format!(
            "{}={text:?}: must be a whole number of milliseconds, at least 1",
            variable::SLOW_MS
        ))),
    }
}
