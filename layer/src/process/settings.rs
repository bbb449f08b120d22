use crate::builder::Builder;
use crate::error::Error;
use crate::limits::STAT_INTERVAL;
use std::time::Duration;

/// Samples closer than this would tell more of the kernel's clock than of the process.
const STAT_INTERVAL_LEAST: Duration = Duration::from_millis(100);

/// What the builder was told of the life of the process.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    /// Whether the layer is the program's own, by `init`. What is not set below depends on it.
    pub(crate) is_the_programs: bool,
    pub(crate) batches: bool,
    start_record: Option<bool>,
    panic_hook: Option<bool>,
    stat: Stat,
    #[cfg(feature = "tokio")]
    pub(crate) runtime: Option<tokio::runtime::Handle>,
}

/// Whether samples are taken.
#[derive(Debug, Clone, Default)]
enum Stat {
    #[default]
    Unsaid,
    Every(Duration),
    Never,
}

impl Settings {
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self.stat {
            Stat::Every(interval) if interval < STAT_INTERVAL_LEAST => {
                Err(Error::new(format!("stat_interval must be at least {STAT_INTERVAL_LEAST:?}")))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn tells_start(&self) -> bool {
        self.start_record.unwrap_or(self.is_the_programs)
    }

    pub(super) fn hooks_panics(&self) -> bool {
        self.panic_hook.unwrap_or(self.is_the_programs)
    }

    pub(super) fn stat_interval(&self) -> Option<Duration> {
        match self.stat {
            Stat::Every(interval) => Some(interval),
            Stat::Unsaid if self.is_the_programs => Some(STAT_INTERVAL),
            Stat::Unsaid | Stat::Never => None,
        }
    }
}

/// The life of the process.
impl Builder {
    /// Writes lines to standard output together: when
    /// [`STDOUT_BATCH_BYTES`](crate::limits::STDOUT_BATCH_BYTES) are full, at an ERROR, when the guard is flushed
    /// or dropped, and [`STDOUT_BATCH_DELAY`](crate::limits::STDOUT_BATCH_DELAY) after the first of them at the
    /// latest. Default: each line at once.
    ///
    /// A line costs a fraction of what it does alone. In return, lines of the last moment are lost if the process
    /// is killed, or ends by `exit` on a thread that has neither built the layer nor logged. A
    /// [`writer`](Self::writer) of the program's own is not affected.
    pub fn batched_stdout(mut self) -> Self {
        self.process.batches = true;
        self
    }

    /// How often a sample of the process is written: `scope` `stat`, resident memory and processor time in `perf`,
    /// threads and open files in `extra`. At least 100 ms. Default: every
    /// [`STAT_INTERVAL`](crate::limits::STAT_INTERVAL) with [`init`](Self::init), never with
    /// [`build`](Self::build). There are samples on Linux only.
    pub fn stat_interval(mut self, interval: Duration) -> Self {
        self.process.stat = Stat::Every(interval);
        self
    }

    /// Writes no samples of the process.
    pub fn without_stat(mut self) -> Self {
        self.process.stat = Stat::Never;
        self
    }

    /// The runtime whose metrics the samples carry. Default: the one that the layer is built in, if any.
    #[cfg(feature = "tokio")]
    pub fn tokio(mut self, runtime: tokio::runtime::Handle) -> Self {
        self.process.runtime = Some(runtime);
        self
    }

    /// Whether a record `service started` says what runs where. Default: yes with [`init`](Self::init), no with
    /// [`build`](Self::build).
    pub fn start_record(mut self, on: bool) -> Self {
        self.process.start_record = Some(on);
        self
    }

    /// Whether panics become records: an ERROR `panic` with the panic's own message, file and line, and its stack
    /// if `RUST_BACKTRACE` asks for it; a FATAL, flushed, if the process ends by it. The hook that was there before
    /// is called afterwards. Default: yes with [`init`](Self::init), no with [`build`](Self::build).
    ///
    /// A panic that a [request](crate#the-road-of-an-event) ends by is told by its `client-res` and not once more.
    pub fn panic_hook(mut self, on: bool) -> Self {
        self.process.panic_hook = Some(on);
        self
    }
}
