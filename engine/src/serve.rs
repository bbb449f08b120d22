//! The life of the process: start, serve, stop.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper_util::server::graceful::GracefulShutdown;
use rustix::fs::Mode;
use serde::Serialize;

use crate::chdb::{Engine, Library, leave};
use crate::descriptions::Descriptions;
use crate::exception::Exception;
use crate::http::Front;
use crate::limits::STATEMENTS_THAT_DO_NOT_END;
use crate::password::Password;
use crate::sandbox::Sandbox;
use crate::statement::admission::Admission;
use crate::statement::judge::Judge;
use crate::statement::running::Running;
use crate::statement::sessions::Sessions;
use crate::statement::settings::Settings;
use crate::stop::Stop;
use crate::{Error, Options, accept, config, libchdb, lock, sandbox, stop};

/// ClickHouse's parser and interpreter recurse; its own check for depth needs room to work.
const STATEMENT_STACK_BYTES: usize = 8 << 20;

/// Threads besides those of statements.
const SPARE_THREADS: usize = 10;

/// How long cancelled statements get to end, once a stop's deadline has passed.
const CANCEL_GRACE: Duration = Duration::from_secs(3);

/// How long ClickHouse gets to close its databases, after all statements have ended.
const CLOSE_PATIENCE: Duration = Duration::from_secs(10);

/// Exit status when nobody can be served although ClickHouse has started.
const EXIT_FAILED: i32 = 1;

/// Exit status of a stop that left a statement behind.
const EXIT_UNCLEAN: i32 = 2;

/// How often a stop looks whether the last statement has ended.
const STOP_POLL: Duration = Duration::from_millis(5);

/// Runs an engine until it is told to stop.
///
/// Call it on the main thread before any other thread exists: the sandbox binds the calling thread and
/// those it starts afterwards. Call [`close_inherited_files`](crate::close_inherited_files) and
/// [`leave_environment`](crate::leave_environment) before it. Prints one JSON line on standard output when ready:
///
/// ```json
/// {"listening":"127.0.0.1:41234","version":"26.7.2.1","sandbox":"enforced"}
/// ```
///
/// Stops on SIGTERM, SIGINT, and with [`Options::parent_pipe`] at the end of standard input: running
/// inserts commit, reads are cancelled. Whatever has not ended by
/// [`Options::stop_deadline_seconds`] is abandoned, which loses nothing that was acknowledged.
///
/// Returns only when ClickHouse does not start. Afterwards the process ends from inside, because exit handlers
/// crash in libchdb: with status 0 after a stop, 2 if a statement had to be abandoned, 1 if it could
/// not serve.
///
/// Logs through `tracing`; the caller installs the subscriber, and one that never panics when standard
/// error is gone.
///
/// # Errors
///
/// Anything that keeps the engine from starting: a bad address, no library, a data directory in use.
pub fn run(options: Options) -> Result<(), Error> {
    options.check()?;
    let stop = Arc::new(Stop::default());
    let input = stop::take_standard_input()?;
    if options.parent_pipe {
        stop.watch_parent(input)?;
    }
    // What ClickHouse writes is nobody else's.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let libchdb = config::absolute(&libchdb::locate(options.libchdb.as_deref())?)?;
    std::fs::create_dir_all(&options.data_dir)
        .map_err(|error| Error::on_path("cannot make the data directory", &options.data_dir, error))?;
    let patience = Duration::from_secs(options.lock_wait_seconds);
    let _lock = lock::acquire(&options.data_dir, patience, || stop.is_asked())?;
    let password = Password::load_or_create(&options.data_dir, options.password_file.as_deref())?;
    let listener = TcpListener::bind(options.addr)
        .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
        .map_err(|error| Error::with(format!("cannot listen on {}", options.addr), error))?;

    let data_dir = config::absolute(&options.data_dir)?;
    let descriptions = Descriptions::check(&data_dir)?;
    let config = config::write(&options, &data_dir)?;
    let restricted = sandbox::restrict_calls(!options.without_sandbox);
    let library = Library::load(&libchdb)?;
    let sandbox = restricted.restrict_files(&data_dir)?;
    let engine = Arc::new(Engine::start(library, &data_dir, &config, descriptions)?);
    engine.descriptions().keep_up(&engine);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(STATEMENT_STACK_BYTES)
        .max_blocking_threads(options.max_statements as usize + STATEMENTS_THAT_DO_NOT_END + SPARE_THREADS)
        .build()
        .map_err(|error| Error::with("cannot start the runtime", error))?;
    let front = open_front(engine.clone(), &options, sandbox, password)
        .map_err(|exception| Error::with("the engine does not answer", exception))?;
    match runtime.block_on(serve(Arc::new(front), listener, sandbox, &options, &stop)) {
        Ok(drained) => finish(runtime, &engine, drained),
        Err(error) => {
            tracing::error!("{error}");
            leave(EXIT_FAILED)
        }
    }
}

fn open_front(
    engine: Arc<Engine>,
    options: &Options,
    sandbox: Sandbox,
    password: Password,
) -> Result<Front, Exception> {
    let mut connection = engine.connect(&[])?;
    let mut ask = |question| connection.query(question, "TabSeparatedRaw", &[]).map(|answer| answer.text());
    let (version, timezone) = (ask("SELECT version()")?, ask("SELECT timezone()")?);
    drop(connection);
    Ok(Front {
        admission: Admission::new(options.max_statements, options.max_queued_statements),
        running: Arc::new(Running::new(engine.clone())?),
        sessions: Arc::new(Sessions::default()),
        settings: Settings::load(&engine, options)?,
        judge: Judge::new(options, sandbox),
        engine,
        version,
        timezone,
        password,
        hosts: options.hosts.clone(),
    })
}

/// What the parent process reads to find the engine.
#[derive(Serialize)]
struct Ready<'a> {
    listening: SocketAddr,
    version: &'a str,
    sandbox: Sandbox,
}

fn announce(ready: &Ready<'_>) -> Result<(), Error> {
    let line = serde_json::to_string(ready).map_err(|error| Error::with("cannot write JSON", error))?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .map_err(|error| Error::with("cannot write to standard output", error))
}

/// Serves until a stop, then waits for what must end well. False if something did not end in time.
async fn serve(
    front: Arc<Front>,
    listener: TcpListener,
    sandbox: Sandbox,
    options: &Options,
    stop: &Arc<Stop>,
) -> Result<bool, Error> {
    stop.watch_signals()?;
    let listener =
        tokio::net::TcpListener::from_std(listener).map_err(|error| Error::with("cannot listen", error))?;
    let listening = listener.local_addr().map_err(|error| Error::with("cannot listen", error))?;
    announce(&Ready { listening, version: &front.version, sandbox })?;
    tracing::info!(%listening, version = front.version, ?sandbox, "engine ready");

    let connections = GracefulShutdown::new();
    let stuck = Duration::from_secs(options.stuck_seconds);
    accept::until_stop(&front, &listener, &connections, stop, stuck).await;
    drop(listener);
    tracing::info!(statements = front.running.count(), "stopping");

    let deadline = Instant::now() + Duration::from_secs(options.stop_deadline_seconds);
    // Ends idle connections at once and the others after their answer.
    let closing = tokio::spawn(connections.shutdown());
    front.running.cancel_reads();
    let mut drained = wait_until_idle(&front, deadline).await;
    if !drained {
        tracing::warn!(
            statements = front.running.count(),
            "stop deadline passed; cancelling what still runs"
        );
        front.running.cancel_all();
        drained = wait_until_idle(&front, Instant::now() + CANCEL_GRACE).await;
    }
    // The statements have ended; their last bytes may still be on the way.
    drop(tokio::time::timeout(CANCEL_GRACE, closing).await);
    front.sessions.clear();
    front.judge.clear();
    Ok(drained)
}

async fn wait_until_idle(front: &Front, deadline: Instant) -> bool {
    while front.running.count() > 0 {
        if Instant::now() >= deadline {
            return false;
        }
        tokio::time::sleep(STOP_POLL).await;
    }
    true
}

/// Closes ClickHouse and ends the process. If a statement still runs, closing would hang or crash, so it is
/// left out: what was acknowledged is on disk already.
fn finish(runtime: tokio::runtime::Runtime, engine: &Arc<Engine>, drained: bool) -> ! {
    let watchdog = || {
        std::thread::sleep(CLOSE_PATIENCE);
        tracing::error!("ClickHouse does not close; leaving without it");
        leave(EXIT_UNCLEAN);
    };
    // Without it the process may hang in ClickHouse, with it it cannot; either way it goes on.
    drop(std::thread::Builder::new().name("watchdog".to_owned()).spawn(watchdog));
    runtime.shutdown_timeout(CANCEL_GRACE);
    if !drained {
        tracing::error!("a statement does not end; leaving without it");
        leave(EXIT_UNCLEAN);
    }
    // The killer's thread has a connection of its own, and ends now that nobody can give it orders.
    while Arc::strong_count(engine) > 1 {
        std::thread::sleep(STOP_POLL);
    }
    engine.descriptions().keep_up(engine);
    engine.stop();
    tracing::info!("stopped");
    leave(0)
}
