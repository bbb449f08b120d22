//! `log-center import`: files of bunyan records, or a pipe of them, into the server.
//!
//! ```text
//! one thread reads and unpacks ─→ this one cuts batches ─→ some compress, send, and wait for the answer
//!                                        └── notes each in the state ──┘
//! ```
//! Everything between two threads is bounded, so the memory does not grow with the input, and a slow server slows the
//! reading. A batch has an `Idempotency-Key` made of what is in it and where that stood, so that whatever is sent again counts
//! once; [`state`] remembers what has been answered.

mod batch;
mod ledger;
mod limits;
mod sender;
mod source;
mod state;
mod stop;

use super::Ending;
use super::client::{Client, SILENCE, ServerArgs};
use anyhow::Context;
use batch::{Batch, Cutter};
use ledger::{Counts, Ledger, pace, summary};
use limits::{BATCHES_IN_FLIGHT, BATCHES_WAITING, CHUNKS_WAITING, LINGER, PATIENCE_SECONDS};
use sender::{Encoding, Sender};
use source::{Input, STDIN, Source};
use state::{Progress, Resume, State};
use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use stop::Stop;

/// What to import, and where to.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each line is one JSON object with at least name, level, time and msg, as bunyan, pino and the layer for tracing write it. \
Files may be compressed by gzip or zstd, whatever they are called.

An import that was broken off goes on where it was when it is started again, and a file that has grown since is continued; \
nothing counts twice. --restart begins anew: what the server still remembers (24 hours) counts once all the same, and is \
told apart from what is new.

Refused lines are told with file and number; the others are imported. Exit codes: 0 all imported, 1 failed (start it again \
to go on), 2 wrong usage, 3 some lines were refused, 130 or 143 interrupted.

  log-center import /var/log/shop/*.log.gz
  node service.js | log-center import --tee")]
pub struct ImportArgs {
    /// Files of records, one a line; - or none is standard input.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    #[command(flatten)]
    server: ServerArgs,

    /// Import files from their beginning, whatever was imported of them before.
    #[arg(long)]
    restart: bool,

    /// Add each refused line to this file, as JSON with file, line, reason and text.
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,

    /// Pass what is read on to standard output.
    #[arg(long)]
    tee: bool,

    /// How the batches are compressed on their way. Default: not at all to a server on this machine, zstd to another.
    #[arg(long, value_enum, value_name = "HOW")]
    compression: Option<Encoding>,

    /// How long a server that does not answer is waited for, in seconds. Default: for files 300, if it has answered before; for
    /// ever for standard input, whose writer waits meanwhile.
    #[arg(long, value_name = "SECONDS")]
    patience: Option<u64>,

    /// Where the progress of imports is kept. Default: log-center/import in XDG_STATE_HOME, or in ~/.local/state.
    #[arg(long, env = "LOG_CENTER_STATE_DIR", value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

/// What all inputs share.
struct Import {
    args: ImportArgs,
    client: Client,
    ledger: Arc<Ledger>,
    stop: Arc<Stop>,
}

/// How often a pipe on which nothing comes is left to see whether it is time to stop.
const STOP_POLL: Duration = Duration::from_millis(100);

pub(super) fn run(args: ImportArgs) -> anyhow::Result<Ending> {
    let arguments = if args.files.is_empty() { vec![PathBuf::from(STDIN)] } else { args.files.clone() };
    let inputs: Vec<Input> = arguments.iter().map(|argument| Input::new(argument)).collect();
    // Before anything is sent: a name that is mistyped, a file that may not be read.
    for input in inputs.iter().filter(|input| matches!(input, Input::File(_))) {
        if input.size()?.is_some() {
            input.open(0)?;
        }
    }
    let ledger = Arc::new(Ledger::new(args.rejects.as_deref())?);
    let stop = Arc::new(Stop::default());
    stop::listen(&stop, &ledger, inputs.contains(&Input::Stdin))?;
    let client = Client::new(&args.server, SILENCE);
    if inputs.contains(&Input::Stdin) && io::stdin().is_terminal() {
        ledger.say("reading standard input; ^D ends it");
    }
    let import = Import { args, client, ledger: Arc::clone(&ledger), stop };
    for input in &inputs {
        import.one(input)?;
        let ending = import.stop.ending();
        if !matches!(ending, Ok(None)) && *input != Input::Stdin && ledger.was_there() {
            ledger.say("not all is imported; the same command goes on from here");
        }
        if let Some(ending) = ending? {
            return Ok(ending);
        }
    }
    let total = ledger.total();
    if inputs.len() > 1 {
        ledger.say(&format!("{}{}", summary(total), pace(total, ledger.elapsed())));
    }
    Ok(if total.refused > 0 { Ending::SomeRefused } else { Ending::Done })
}

impl Import {
    fn one(&self, input: &Input) -> anyhow::Result<()> {
        let size = input.size()?;
        let state = size.map(|_| self.state(input)).transpose()?.flatten();
        let progress = state.as_ref().map(|state| state.progress.clone()).unwrap_or_default();
        let is_continued = progress != Progress::default();
        if is_continued {
            self.ledger.say(&format!("{}: going on behind line {}", input.shown(), progress.line));
        }
        let source = input.open(progress.offset)?;
        self.ledger.begin(input.name(), size, source.read.load(Ordering::Relaxed), state);
        let began = Instant::now();
        let outcome = self.pump(input, source, &progress);
        let counts = self.ledger.end();
        let is_over = outcome.is_ok() && !self.stop.is_set();
        if counts != Counts::default() || (is_over && !is_continued) {
            self.ledger.say(&format!(
                "{}: {}{}",
                input.shown(),
                summary(counts),
                pace(counts, began.elapsed())
            ));
        } else if is_over {
            self.ledger.say(&format!("{}: nothing new; --restart imports all of it again", input.shown()));
        }
        outcome
    }

    /// `None` where there is no place to keep it, which costs no more than the ability to go on.
    fn state(&self, input: &Input) -> anyhow::Result<Option<State>> {
        let resume = if self.args.restart { Resume::Restart } else { Resume::Continue };
        let directory = match state::directory(self.args.state_dir.clone()) {
            Ok(directory) => directory,
            Err(error) => {
                self.ledger.say(&format!("{error}; this import cannot be continued"));
                return Ok(None);
            }
        };
        State::open(&directory, input, &self.args.server.shown(), resume).map(Some)
    }

    /// Reads to the end, or until it is time to stop.
    fn pump(&self, input: &Input, source: Source, progress: &Progress) -> anyhow::Result<()> {
        let run = uuid::Uuid::new_v4().simple().to_string();
        let is_pipe = *input == Input::Stdin;
        let usual = if self.args.server.is_local() { Encoding::None } else { Encoding::Zstd };
        let unless_pipe = (!is_pipe).then_some(Duration::from_secs(PATIENCE_SECONDS));
        let sender = Sender {
            client: &self.client,
            ledger: &self.ledger,
            stop: &self.stop,
            encoding: self.args.compression.unwrap_or(usual),
            run: is_pipe.then_some(run.as_str()),
            patience: self.args.patience.map(Duration::from_secs).or(unless_pipe),
            must_be_there: !is_pipe && self.args.patience.is_none(),
            is_pipe,
        };
        let (batches, cut) = sync_channel::<Batch>(BATCHES_WAITING);
        let cut = Mutex::new(cut);
        std::thread::scope(|scope| {
            for _ in 0..BATCHES_IN_FLIGHT {
                scope.spawn(|| {
                    while let Some(batch) = next(&cut) {
                        sender.deliver(batch);
                    }
                });
            }
            let outcome = self.cut(source, is_pipe, progress, &batches);
            drop(batches);
            outcome
        })
        .with_context(|| input.shown())
    }

    fn cut(
        &self,
        source: Source,
        is_pipe: bool,
        progress: &Progress,
        batches: &SyncSender<Batch>,
    ) -> anyhow::Result<()> {
        let (read, is_plain) = (Arc::clone(&source.read), source.is_plain);
        let chunks = read_ahead(source, self.args.tee);
        let cuts = progress.behind.values().map(|(place, _)| place.end);
        let mut cutter = Cutter::new(progress.offset, progress.line, cuts);
        let give = |mut batch: Batch| {
            batch.read = if is_plain { batch.place.end } else { read.load(Ordering::Relaxed) };
            let is_done = progress.behind.get(&batch.place.start) == Some(&(batch.place, true));
            if !is_done {
                self.ledger.sent(&batch)?;
                // The receiving end lives as long as this function.
                _ = batches.send(batch);
            }
            anyhow::Ok(())
        };
        let mut oldest = None;
        while !self.stop.is_set() {
            match chunks.recv_timeout(STOP_POLL) {
                Ok(Ok(chunk)) if chunk.is_empty() => break,
                Ok(Ok(chunk)) => cutter.push(&chunk).into_iter().try_for_each(give)?,
                Ok(Err(error)) => {
                    cutter.finish().into_iter().try_for_each(give)?;
                    return Err(error.into());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            // Files fill their batches; a pipe does not wait for that.
            if is_pipe && cutter.has_lines() {
                if oldest.get_or_insert_with(Instant::now).elapsed() >= LINGER - STOP_POLL {
                    give(cutter.cut())?;
                    oldest = None;
                }
            } else {
                oldest = None;
            }
        }
        if self.stop.is_set() {
            if !is_pipe {
                return Ok(());
            }
            // What was read already is still sent; whoever writes on without a pause is not listened to for ever.
            let asked_at = Instant::now();
            while asked_at.elapsed() < LINGER {
                let Ok(Ok(chunk)) = chunks.recv_timeout(STOP_POLL) else { break };
                cutter.push(&chunk).into_iter().try_for_each(&give)?;
            }
        }
        cutter.finish().into_iter().try_for_each(give)
    }
}

fn next(batches: &Mutex<Receiver<Batch>>) -> Option<Batch> {
    batches.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

/// Reads in a thread of its own, which is left behind if it waits for a pipe when it is time to stop.
fn read_ahead(mut source: Source, tee: bool) -> Receiver<io::Result<Vec<u8>>> {
    let (chunks, read) = sync_channel(CHUNKS_WAITING);
    std::thread::spawn(move || {
        let mut out = tee.then(io::stdout);
        loop {
            let chunk = source.chunk();
            let is_last = chunk.as_ref().map_or(true, Vec::is_empty);
            if let (Some(open), Ok(chunk)) = (&mut out, &chunk) {
                // Whoever reads there may go; the import goes on.
                if open.write_all(chunk).and_then(|()| open.flush()).is_err() {
                    out = None;
                }
            }
            if chunks.send(chunk).is_err() || is_last {
                return;
            }
        }
    });
    read
}
