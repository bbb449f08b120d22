use crate::callsite::{Settings, Style};
use crate::error::Error;
use crate::forward::{Bounds, Endpoint, ForwardMode, Queue, Sender};
use crate::guard::Guard;
use crate::layer::{Core, LogCenterLayer};
use crate::limits::{FLUSH_TIMEOUT, QUEUE_BYTES, QUEUE_RECORDS};
use crate::line::{Identity, Names};
use crate::redact::Hook;
use crate::sink::{Custom, Sink, Stdout};
use std::env;
use std::sync::Arc;
use std::time::Duration;
use tracing_core::dispatcher::{self, Dispatch};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;

/// The variable that names the server.
const URL_VARIABLE: &str = "LOG_CENTER_URL";

/// The variable that names the environment.
const ENVIRONMENT_VARIABLE: &str = "ENVIRONMENT";

/// The variable that [`Builder::init`] filters by.
const FILTER_VARIABLE: &str = "RUST_LOG";

/// Begins to set up the layer of a service. `service` is the `name` of its records and the project of its issues:
/// 1 to 128 bytes.
///
/// ```
/// # fn main() -> Result<(), log_center::Error> {
/// let _guard = log_center::layer("shop").version(env!("CARGO_PKG_VERSION")).init()?;
/// tracing::info!(port = 8080, "listening");
/// # Ok(())
/// # }
/// ```
pub fn layer(service: impl Into<String>) -> Builder {
    Builder {
        service: service.into(),
        environment: None,
        version: None,
        commit_hash: None,
        endpoint: Target::Variable,
        mode: ForwardMode::default(),
        bounds: Bounds { bytes: QUEUE_BYTES, records: QUEUE_RECORDS },
        flush_timeout: FLUSH_TIMEOUT,
        trace: false,
        settings: Settings::default(),
        hook: None,
        backtraces: true,
        reports_messages: true,
        sink: None,
    }
}

/// The settings of the layer, from [`layer`]. What is set here goes before the environment variable of the same
/// setting.
#[must_use = "a builder does nothing until `build` or `init`"]
pub struct Builder {
    service: String,
    environment: Option<String>,
    version: Option<String>,
    commit_hash: Option<String>,
    endpoint: Target,
    mode: ForwardMode,
    bounds: Bounds,
    flush_timeout: Duration,
    trace: bool,
    settings: Settings,
    hook: Option<Box<Hook>>,
    backtraces: bool,
    reports_messages: bool,
    sink: Option<Box<dyn Sink>>,
}

/// Where the address of the server comes from.
enum Target {
    Variable,
    Given(String),
    Nowhere,
}

impl Builder {
    /// Where the service runs: `development`, `staging`, `production` or any other word, written in lower case.
    /// Default: the variable `ENVIRONMENT`; without it records have no `environment`.
    pub fn environment(mut self, environment: impl Into<String>) -> Self {
        self.environment = Some(environment.into());
        self
    }

    /// Version of the service, usually `env!("CARGO_PKG_VERSION")`. Default: none.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// Git commit of the service. Default: none.
    pub fn commit_hash(mut self, commit_hash: impl Into<String>) -> Self {
        self.commit_hash = Some(commit_hash.into());
        self
    }

    /// The server, e.g. `http://localhost:8002`. Default: the variable `LOG_CENTER_URL`; without it, or if it is
    /// empty, records are only written. `https` needs the feature `tls`.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Target::Given(url.into());
        self
    }

    /// Only writes records, whatever `LOG_CENTER_URL` says.
    pub fn without_endpoint(mut self) -> Self {
        self.endpoint = Target::Nowhere;
        self
    }

    /// Which records go to the server. Default: [`ForwardMode::Errors`].
    pub fn forward(mut self, mode: ForwardMode) -> Self {
        self.mode = mode;
        self
    }

    /// Most memory that records waiting for the server may take, in bytes. Default:
    /// [`QUEUE_BYTES`](crate::limits::QUEUE_BYTES). On top the oldest are lost and counted.
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.bounds.bytes = bytes;
        self
    }

    /// Most records that may wait for the server. Default: [`QUEUE_RECORDS`](crate::limits::QUEUE_RECORDS). On top
    /// the oldest are lost and counted.
    pub fn queue_records(mut self, records: usize) -> Self {
        self.bounds.records = records;
        self
    }

    /// How long dropping the guard waits for the server to take what is left. Default:
    /// [`FLUSH_TIMEOUT`](crate::limits::FLUSH_TIMEOUT). A program whose server is gone ends that much later.
    pub fn flush_timeout(mut self, timeout: Duration) -> Self {
        self.flush_timeout = timeout;
        self
    }

    /// Whether TRACE events are written, at bunyan's level 10. The log specification has no such level. Default: no.
    pub fn trace(mut self, on: bool) -> Self {
        self.trace = on;
        self
    }

    /// Hides the values of more keys: those that end with the words of a name given here, whatever stands between
    /// the words and in whichever letter case (`iban` hides `customer_iban` and `customerIban`, not `iban_count`).
    /// What is hidden without it is in the [crate's documentation](crate#what-is-not-shown).
    pub fn redact_keys<K: AsRef<str>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        keys.into_iter().for_each(|key| self.settings.redaction.add(key.as_ref()));
        self
    }

    /// Shows the values of keys that would be hidden: exactly these, words compared as in
    /// [`redact_keys`](Self::redact_keys) (`session_id` keeps `sessionId`, not `admin_session_id`).
    pub fn keep_keys<K: AsRef<str>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        keys.into_iter().for_each(|key| self.settings.redaction.keep(key.as_ref()));
        self
    }

    /// Asks for every text before it goes anywhere: what this returns stands in its place, `None` leaves it. Texts
    /// are strings and what was formatted by `Debug` or `Display`, not numbers and truth values. The key is the
    /// field's name, or `msg`, `err.msg` (for each error down a chain), `url`, `ip`, `ua`, `uid`, `rrdid`, `path`,
    /// `payload`, `body`. What is hidden already is not asked for. It runs on the caller's thread, for each text of
    /// each record; if it panics, the text is hidden. Default: nobody is asked.
    ///
    /// ```
    /// let layer = log_center::layer("shop")
    ///     .redact(|key, value| (key == "msg" && value.contains('@')).then(|| "[address]".to_owned()));
    /// ```
    pub fn redact(mut self, hook: impl Fn(&str, &str) -> Option<String> + Send + Sync + 'static) -> Self {
        self.hook = Some(Box::new(hook));
        self
    }

    /// Whether a callsite is told of that formats data into its message (`info!("user {id} logged in")`), so that its
    /// records cannot be counted by it. Once for each callsite, for at most
    /// [`MESSAGE_REPORTS`](crate::limits::MESSAGE_REPORTS) of them, and only for those of the program's own workspace,
    /// a WARN record `message has data in it` names file and line. The event's own record is written as it is.
    /// Default: yes.
    pub fn report_formatted_messages(mut self, on: bool) -> Self {
        self.reports_messages = on;
        self
    }

    /// Whether `err.stack` of an ERROR ends with the backtrace to the event, if `RUST_LIB_BACKTRACE` or
    /// `RUST_BACKTRACE` is set to something else than 0. Taking one costs some hundred microseconds. Default: yes.
    pub fn backtraces(mut self, on: bool) -> Self {
        self.backtraces = on;
        self
    }

    /// Where lines go. Default: standard output. Each line is one `write_all`; an error is counted in
    /// [`Counts::unwritten`](crate::Counts::unwritten), and so is a panic.
    pub fn writer<W>(mut self, writer: W) -> Self
    where
        W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
    {
        self.sink = Some(Box::new(Custom(writer)));
        self
    }

    /// Makes the layer, to be put on a [`Registry`] beside others, and starts the forwarder if there is a server.
    ///
    /// # Errors
    /// A name or address that cannot be, or no thread to be had.
    ///
    /// ```
    /// use tracing_subscriber::prelude::*;
    /// # fn main() -> Result<(), log_center::Error> {
    /// let (layer, _guard) = log_center::layer("shop").build()?;
    /// let subscriber = tracing_subscriber::registry().with(layer);
    /// tracing::subscriber::with_default(subscriber, || tracing::info!("ready"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn build(self) -> Result<(LogCenterLayer, Guard), Error> {
        let endpoint = self.resolve_endpoint()?;
        let environment = self.environment.clone().or_else(|| variable(ENVIRONMENT_VARIABLE));
        let environment = environment.map(|name| name.to_lowercase());
        let identity = Identity::new(&Names {
            service: &self.service,
            environment: environment.as_deref(),
            version: self.version.as_deref(),
            commit_hash: self.commit_hash.as_deref(),
        })?;
        if self.bounds.records == 0 || self.bounds.bytes == 0 {
            return Err(Error::new("queue_bytes and queue_records must be at least 1"));
        }
        // The one mode so far; the layer acts on it as such.
        let ForwardMode::Errors = self.mode;
        let queue = endpoint.is_some().then(|| Arc::new(Queue::new(self.bounds)));
        let core = Arc::new(Core {
            identity,
            sink: self.sink.unwrap_or_else(|| Box::new(Stdout::new())),
            counters: Default::default(),
            queue: queue.clone(),
            writes_trace: self.trace,
            style: Style::of(self.settings),
            hook: self.hook,
            takes_backtraces: self.backtraces,
            reports_messages: self.reports_messages,
            messages_reported: Default::default(),
        });
        if let (Some(queue), Some(endpoint)) = (queue, endpoint) {
            Sender::start(Arc::clone(&core), queue, endpoint)
                .map_err(|error| Error::new(format!("the forwarder's thread does not start: {error}")))?;
        }
        let guard = Guard { core: Arc::clone(&core), flush_timeout: self.flush_timeout };
        Ok((LogCenterLayer::new(core), guard))
    }

    /// Makes the layer and installs it as the program's subscriber. `RUST_LOG` says what is logged, as
    /// `target=level` pairs (`info,hyper=warn`); default: `info`.
    ///
    /// # Errors
    /// As for [`build`](Self::build); a `RUST_LOG` that cannot be read; a subscriber that is installed already.
    pub fn init(self) -> Result<Guard, Error> {
        let filter = match variable(FILTER_VARIABLE) {
            Some(text) => text
                .parse::<Targets>()
                .map_err(|error| Error::new(format!("{FILTER_VARIABLE}={text:?}: {error}")))?,
            None => Targets::new().with_default(LevelFilter::INFO),
        };
        // Who asks for the words of one target only means them with the ids of their request.
        #[cfg(any(feature = "tower", feature = "reqwest"))]
        let filter = filter.with_target(crate::hop::SPAN_TARGET, LevelFilter::ERROR);
        let (layer, guard) = self.build()?;
        let subscriber = Registry::default().with(filter).with(layer);
        dispatcher::set_global_default(Dispatch::new(subscriber))
            .map_err(|_| Error::new("the program has a subscriber already"))?;
        Ok(guard)
    }

    fn resolve_endpoint(&self) -> Result<Option<Endpoint>, Error> {
        match &self.endpoint {
            Target::Nowhere => Ok(None),
            Target::Given(url) => Endpoint::parse("endpoint", url).map(Some),
            Target::Variable => {
                variable(URL_VARIABLE).map(|url| Endpoint::parse(URL_VARIABLE, &url)).transpose()
            }
        }
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder").field("service", &self.service).finish_non_exhaustive()
    }
}

/// A variable that is set to something.
fn variable(name: &str) -> Option<String> {
    let value = env::var_os(name)?.to_string_lossy().trim().to_owned();
    (!value.is_empty()).then_some(value)
}
