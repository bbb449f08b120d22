use crate::callsite::{self, Style};
use crate::error::Error;
use crate::filter::Filter;
use crate::forward::{ForwardMode, Forwarding, Sender, Settings, Target};
use crate::guard::Guard;
use crate::layer::{Core, LogCenterLayer};
use crate::limits::FLUSH_TIMEOUT;
use crate::line::{Identity, Names};
use crate::process::{self, Alarm};
use crate::redact::Hook;
use crate::sink::{Custom, Sink};
use crate::stdout::Stdout;
use crate::variable;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tracing_core::LevelFilter;
use tracing_core::dispatcher::{self, Dispatch};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;

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
        forwarding: Settings::default(),
        write_filter: None,
        flush_timeout: FLUSH_TIMEOUT,
        trace: false,
        style: callsite::Settings::default(),
        hook: None,
        backtraces: false,
        reports_messages: true,
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
    forwarding: Settings,
    write_filter: Option<Targets>,
    flush_timeout: Duration,
    trace: bool,
    style: callsite::Settings,
    hook: Option<Arc<Hook>>,
    backtraces: bool,
    reports_messages: bool,
    sink: Option<Arc<dyn Sink>>,
    pub(crate) process: process::Settings,
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
        self.forwarding.target = Target::Given(url.into());
        self
    }

    /// Only writes records, whatever `LOG_CENTER_URL` and the other variables of forwarding say.
    pub fn without_endpoint(mut self) -> Self {
        self.forwarding.target = Target::Nowhere;
        self
    }

    /// What the server asks of who sends, as `Authorization: Bearer …`: visible ASCII characters. Nothing prints it.
    /// Default: the variable `LOG_CENTER_KEY`; without it none is sent.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.forwarding.key = Some(key.into());
        self
    }

    /// Which records go to the server. Default: the variable `LOG_CENTER_MODE` (`errors`, `all`, `on-error`, or `off`
    /// for none); without it [`ForwardMode::Errors`].
    pub fn forward(mut self, mode: ForwardMode) -> Self {
        self.forwarding.mode = Some(mode);
        self
    }

    /// Of what targets and levels the records are that the [mode](Self::forward) is about. Default: the variable
    /// `LOG_CENTER_LEVEL`, as `RUST_LOG` is written; without it those that are written, and in
    /// [`ForwardMode::OnError`] all from DEBUG up.
    pub fn forward_filter(mut self, filter: Targets) -> Self {
        self.forwarding.filter = Some(filter);
        self
    }

    /// What is written, of the events that there are. Default: with [`init`](Self::init) the variable `RUST_LOG`,
    /// without it `info`; with [`build`](Self::build) everything that the subscriber lets through.
    pub fn write_filter(mut self, filter: Targets) -> Self {
        self.write_filter = Some(filter);
        self
    }

    /// From what time on a request counts as gone wrong, for [`ForwardMode::OnError`]: by the `tm` of its
    /// `client-res`, or by the life of its span if there is none. Default: the variable `LOG_CENTER_SLOW_MS`; without
    /// it no request is too slow.
    pub fn slow_request(mut self, duration: Duration) -> Self {
        self.forwarding.slow_request = Some(duration);
        self
    }

    /// Most memory of the flight recorder ([`ForwardMode::OnError`]), in bytes. Default:
    /// [`RECORDER_BYTES`](crate::limits::RECORDER_BYTES). Once it is used up, requests under way keep their newest
    /// records in what they have, and new requests keep none.
    pub fn recorder_bytes(mut self, bytes: usize) -> Self {
        self.forwarding.recorder.bytes = bytes;
        self
    }

    /// Most bytes of records that the flight recorder keeps of one request. Default:
    /// [`REQUEST_BYTES`](crate::limits::REQUEST_BYTES). On top its oldest go; if the request then
    /// goes wrong, it is counted, and a record tells how many are missing.
    pub fn request_bytes(mut self, bytes: usize) -> Self {
        self.forwarding.recorder.request_bytes = bytes;
        self
    }

    /// Most records that the flight recorder keeps of one request, likewise. Default:
    /// [`REQUEST_RECORDS`](crate::limits::REQUEST_RECORDS).
    pub fn request_records(mut self, records: usize) -> Self {
        self.forwarding.recorder.request_records = records;
        self
    }

    /// Most memory that records waiting for the server may take, in bytes. Default:
    /// [`QUEUE_BYTES`](crate::limits::QUEUE_BYTES). On top the oldest are lost and counted, those of level ERROR last.
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.forwarding.bounds.bytes = bytes;
        self
    }

    /// Most records that may wait for the server, likewise. Default:
    /// [`QUEUE_RECORDS`](crate::limits::QUEUE_RECORDS).
    pub fn queue_records(mut self, records: usize) -> Self {
        self.forwarding.bounds.records = records;
        self
    }

    /// How long dropping the guard waits for the server to take what is left; so do `exit` on the main thread without
    /// it, and a panic that ends the process. Default:
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

    /// Writes `extra` as one nested object, `"extra":{"sku":7,"note":"two left"}`, in place of the text
    /// `sku=7 note="two left"`. Numbers and truth values have their types; what is no number to every reader of JSON
    /// (NaN, the infinities, integers beyond 64 bits) is a string, as everything else is. Keys and limits are the same.
    /// The server takes both, and keeps the text. Default: the text, which is what the log specification says.
    pub fn extra_as_object(mut self) -> Self {
        self.style.extra_as_object = true;
        self
    }

    /// Hides the values of more keys: those that end with the words of a name given here, whatever stands between
    /// the words and in whichever letter case (`iban` hides `customer_iban` and `customerIban`, not `iban_count`).
    /// What is hidden without it is in the [crate's documentation](crate#what-is-not-shown).
    pub fn redact_keys<K: AsRef<str>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        keys.into_iter().for_each(|key| self.style.redaction.add(key.as_ref()));
        self
    }

    /// Shows the values of keys that would be hidden: exactly these, words compared as in
    /// [`redact_keys`](Self::redact_keys) (`session_id` keeps `sessionId`, not `admin_session_id`).
    pub fn keep_keys<K: AsRef<str>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        keys.into_iter().for_each(|key| self.style.redaction.keep(key.as_ref()));
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
        self.hook = Some(Arc::new(hook));
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
    /// `RUST_BACKTRACE` is set to something else than 0. Taking one and finding the names in it costs a
    /// millisecond or so on the thread that logs. A forked child takes none. Default: no.
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
        self.sink = Some(Arc::new(Custom(writer)));
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
        let forwarding = self.forwarding.resolve()?;
        let filter = filter(self.write_filter.clone(), forwarding.as_ref());
        let (layer, guard) = self.assemble(forwarding, filter.clone(), filter)?;
        process::begin(&guard.core);
        Ok((layer, guard))
    }

    /// All but what belongs to the start of the program.
    fn assemble(
        mut self,
        forwarding: Option<Forwarding>,
        filter: Filter,
        own_filter: Filter,
    ) -> Result<(LogCenterLayer, Guard), Error> {
        let environment = self.environment.or_else(|| variable::read(variable::ENVIRONMENT));
        let environment = environment.map(|name| name.to_lowercase());
        let identity = Identity::new(&Names {
            service: &self.service,
            environment: environment.as_deref(),
            version: self.version.as_deref(),
            commit_hash: self.commit_hash.as_deref(),
        })?;
        self.process.check()?;
        self.process.batches &= self.sink.is_none();
        let alarm = Arc::<Alarm>::default();
        let stdout = || -> Arc<dyn Sink> {
            let stdout =
                if self.process.batches { Stdout::batched(Arc::clone(&alarm)) } else { Stdout::by_line() };
            Arc::new(stdout)
        };
        let core = Arc::new(Core {
            pid: std::process::id(),
            next: OnceLock::new(),
            identity,
            sink: self.sink.unwrap_or_else(stdout),
            counters: Default::default(),
            queue: forwarding.as_ref().map(|forwarding| Arc::new(forwarding.new_queue())),
            recorder: forwarding.as_ref().and_then(Forwarding::new_recorder),
            forwarding,
            filter,
            writes_trace: self.trace,
            style: Style::of(self.style),
            hook: self.hook,
            takes_backtraces: self.backtraces && asks_for_backtraces(),
            reports_messages: self.reports_messages,
            messages_reported: Default::default(),
            flush_timeout: self.flush_timeout,
            alarm,
            own_filter,
            settings: self.process,
            closed: AtomicBool::new(false),
        });
        // From here on the guard stops what was started, should the next step fail.
        let guard = Guard { core: Arc::clone(&core) };
        if let (Some(queue), Some(forwarding)) = (&core.queue, &core.forwarding) {
            Sender::start(Arc::clone(&core), Arc::clone(queue), forwarding.new_client())
                .map_err(|error| Error::new(format!("the forwarder's thread does not start: {error}")))?;
        }
        process::attend(&core)?;
        Ok((LogCenterLayer::new(core), guard))
    }

    /// Makes the layer and installs it as the program's subscriber. `RUST_LOG` says what is written, as
    /// `target=level` pairs (`info,hyper=warn`); default: `info`. What the server is to have besides, by
    /// [`forward_filter`](Self::forward_filter), happens too, and is not written.
    ///
    /// # Errors
    /// As for [`build`](Self::build); a `RUST_LOG` that cannot be read; a subscriber that is installed already.
    pub fn init(mut self) -> Result<Guard, Error> {
        self.process.is_the_programs = true;
        let written = match self.write_filter.take() {
            Some(filter) => filter,
            None => variable::read_targets(variable::WRITTEN)?
                .unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO)),
        };
        let forwarding = self.forwarding.resolve()?;
        let everything = filter(Some(written), forwarding.as_ref());
        let has_own = forwarding.as_ref().is_some_and(|forwarding| forwarding.filter.is_some());
        // With one filter for both the subscriber has decided already.
        let of_layer = if has_own { everything.clone() } else { filter(None, forwarding.as_ref()) };
        let (layer, guard) = self.assemble(forwarding, of_layer, everything.clone())?;
        let subscriber = Registry::default().with(everything).with(layer);
        dispatcher::set_global_default(Dispatch::new(subscriber))
            .map_err(|_| Error::new("the program has a subscriber already"))?;
        process::begin(&guard.core);
        Ok(guard)
    }
}

fn filter(written: Option<Targets>, forwarding: Option<&Forwarding>) -> Filter {
    let handed_over = forwarding.and_then(|forwarding| forwarding.filter.clone());
    Filter::new(written, handed_over, forwarding.map(|forwarding| forwarding.mode))
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder").field("service", &self.service).finish_non_exhaustive()
    }
}

/// Whether the environment asks for backtraces, by the rules of the standard library, which looks once, too.
fn asks_for_backtraces() -> bool {
    let asks = ["RUST_LIB_BACKTRACE", "RUST_BACKTRACE"].into_iter().find_map(std::env::var_os);
    asks.is_some_and(|value| value != "0")
}
