use crate::callsite::Style;
use crate::error::Error;
use crate::forward::{Bounds, Endpoint, ForwardMode, Queue, Sender};
use crate::guard::Guard;
use crate::layer::{Core, LogCenterLayer};
use crate::limits::{FLUSH_TIMEOUT, QUEUE_BYTES, QUEUE_RECORDS};
use crate::line::{Identity, Names};
use crate::process::{self, Alarm};
use crate::sink::{Custom, Sink};
use crate::stdout::Stdout;
use std::env;
use std::sync::Arc;
use std::time::Duration;
use tracing_core::dispatcher::{self, Dispatch};
use tracing_core::{Level, LevelFilter};
use tracing_subscriber::filter::Targets;
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
        sink: None,
        process: process::Settings::default(),
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
    sink: Option<Box<dyn Sink>>,
    pub(crate) process: process::Settings,
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
        let (layer, guard, settings) = self.assemble(LevelFilter::TRACE)?;
        process::begin(&guard.core, &settings);
        Ok((layer, guard))
    }

    /// All but what belongs to the start of the program.
    fn assemble(
        mut self,
        own_records: LevelFilter,
    ) -> Result<(LogCenterLayer, Guard, process::Settings), Error> {
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
        self.process.check()?;
        // The one mode so far; the layer acts on it as such.
        let ForwardMode::Errors = self.mode;
        self.process.batches &= self.sink.is_none();
        let alarm = Arc::<Alarm>::default();
        let stdout = || -> Box<dyn Sink> {
            if self.process.batches {
                Box::new(Stdout::batched(Arc::clone(&alarm)))
            } else {
                Box::new(Stdout::by_line())
            }
        };
        let queue = endpoint.is_some().then(|| Arc::new(Queue::new(self.bounds)));
        let core = Arc::new(Core {
            identity,
            sink: self.sink.unwrap_or_else(stdout),
            counters: Default::default(),
            queue: queue.clone(),
            writes_trace: self.trace,
            style: Style::plain(),
            flush_timeout: self.flush_timeout,
            alarm,
            own_records,
        });
        // From here on the guard stops what was started, should the next step fail.
        let guard = Guard { core: Arc::clone(&core) };
        if let (Some(queue), Some(endpoint)) = (queue, endpoint) {
            Sender::start(Arc::clone(&core), queue, endpoint)
                .map_err(|error| Error::new(format!("the forwarder's thread does not start: {error}")))?;
        }
        process::attend(&core, &self.process)?;
        Ok((LogCenterLayer::new(core), guard, self.process))
    }

    /// Makes the layer and installs it as the program's subscriber. `RUST_LOG` says what is logged, as
    /// `target=level` pairs (`info,hyper=warn`); default: `info`.
    ///
    /// # Errors
    /// As for [`build`](Self::build); a `RUST_LOG` that cannot be read; a subscriber that is installed already.
    pub fn init(mut self) -> Result<Guard, Error> {
        self.process.is_the_programs = true;
        let filter = match variable(FILTER_VARIABLE) {
            Some(text) => text
                .parse::<Targets>()
                .map_err(|error| Error::new(format!("{FILTER_VARIABLE}={text:?}: {error}")))?,
            None => Targets::new().with_default(LevelFilter::INFO),
        };
        // Who asks for the words of one target only means them with the ids of their request.
        #[cfg(any(feature = "tower", feature = "reqwest"))]
        let filter = filter.with_target(crate::hop::SPAN_TARGET, LevelFilter::ERROR);
        let own_records = level_of(&filter, process::TARGET);
        let (layer, guard, settings) = self.assemble(own_records)?;
        let subscriber = Registry::default().with(filter).with(layer);
        dispatcher::set_global_default(Dispatch::new(subscriber))
            .map_err(|_| Error::new("the program has a subscriber already"))?;
        process::begin(&guard.core, &settings);
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

/// What a filter lets through of one target.
fn level_of(filter: &Targets, target: &str) -> LevelFilter {
    let levels = [Level::TRACE, Level::DEBUG, Level::INFO, Level::WARN, Level::ERROR];
    let most = levels.into_iter().find(|level| filter.would_enable(target, level));
    most.map_or(LevelFilter::OFF, LevelFilter::from_level)
}
