//! The server as a whole: what is started in which order, and stopped in the opposite one.

use crate::api::{self, AppState, Services, sql::Turns};
use crate::claim;
use crate::config::{Config, EMBEDDED_READER};
use crate::dashboard;
use crate::engine_child::{EngineChild, EngineCommand};
use crate::file_limit;
use crate::follow;
use crate::listener;
use crate::log;
use crate::parts::Parts;
use crate::readiness::Readiness;
use crate::recurring::Recurring;
use crate::schema_watch;
use crate::seed::{self, SeedError};
use crate::spool::{Queue, Spool, SpoolOptions};
use crate::store::Store;
use crate::tail::Tail;
use crate::writer::{self, Progress, Writer};
use anyhow::{Context, bail};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use rustix::fs::Mode;
use serde::Serialize;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// The pause between two attempts to reach ClickHouse at the start.
const CONNECT_PAUSE: Duration = Duration::from_millis(200);

/// Upper bounds of the histograms of durations, in seconds.
const DURATION_BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Upper bounds of the histogram of the rows of an insert.
const ROWS_BUCKETS: [f64; 7] = [1.0, 10.0, 100.0, 1_000.0, 10_000.0, 100_000.0, 1_000_000.0];

/// Who writes to the embedded ClickHouse, with its password.
const EMBEDDED_WRITER: &str = "default";

/// What the record `ready` on standard output says besides: everything answers.
#[derive(Serialize)]
struct Announcement {
    api: String,
    dashboard: String,
    clickhouse: String,
    engine_pid: Option<u32>,
}

/// Runs the server until SIGTERM, SIGINT or SIGHUP.
///
/// # Errors
/// It cannot start: an address is taken, the data directory cannot be used, the engine does not start, or the database
/// does not fit this program.
pub async fn serve(config: Config) -> anyhow::Result<()> {
    file_limit::raise()?;
    let metrics = install_metrics()?;
    let api_listener = bind("API", "LOG_CENTER_API_ADDR", config.args.api_addr).await?;
    let dashboard_listener =
        bind("dashboard", "LOG_CENTER_DASHBOARD_ADDR", config.args.dashboard_addr).await?;
    let announced = |listener: &TcpListener| listener.local_addr().map(|addr| format!("http://{addr}"));
    let (api_url, dashboard_url) = (announced(&api_listener)?, announced(&dashboard_listener)?);

    // What is stored is for this user alone.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let spool_dir = config.args.data_dir.join("spool");
    std::fs::create_dir_all(&spool_dir).with_context(|| {
        format!("--data-dir (LOG_CENTER_DATA_DIR): cannot make the directory {}", spool_dir.display())
    })?;
    close_to_others(&config.args.data_dir);
    let store_directory = config.clickhouse.url.is_none().then(|| config.args.data_dir.join("clickhouse"));
    if let Some(directory) = &store_directory {
        std::fs::create_dir_all(directory).with_context(|| {
            format!("--data-dir (LOG_CENTER_DATA_DIR): cannot make the directory {}", directory.display())
        })?;
    }
    let options = SpoolOptions {
        directory: spool_dir,
        store_directory,
        max_bytes: config.args.spool_max_bytes,
        server: config.args.server_id,
        take_over: config.args.take_over,
    };
    let (spool, queue, spool_thread) = Spool::open(&options)?;

    if let Some(bytes) = spool.disk_bytes().filter(|bytes| *bytes < options.max_bytes) {
        tracing::warn!(
            disk_bytes = bytes,
            max_bytes = options.max_bytes,
            "LOG_CENTER_SPOOL_MAX_BYTES is more than the whole disk; the disk will be full before the spool is"
        );
    }

    let (stop, stopped) = watch::channel(false);
    tokio::spawn(stop_on_signal(stop.clone()));
    let Some((engine, store, clickhouse_url)) =
        until_stopped(&stopped, connect(&config)).await.transpose()?
    else {
        return Ok(());
    };

    let progress = Arc::new(Progress::new(queue.reached()?));
    let tail = Tail::new(store.clone(), Arc::clone(&progress), stopped.clone());
    tokio::spawn(tail.clone().run());
    let embedded = engine.as_ref().map(EngineChild::control).zip(options.store_directory.as_deref());
    let parts = Arc::new(Parts::new(store.clone(), embedded));
    let state = AppState::from(Services {
        spool,
        store,
        progress,
        tail,
        turns: Turns::default(),
        readiness: Readiness::default(),
        parts,
        metrics,
        hosts: config.args.hosts,
        retention: Arc::new(config.args.retention),
    });
    if state.spool.is_seeded() {
        state.readiness.set_accepts();
    }
    let patience = Duration::from_secs(config.args.shutdown_seconds);
    let api = listener::serve(api_listener, api::router(state.clone()), stopped.clone(), patience);
    let dashboard =
        listener::serve(dashboard_listener, dashboard::router(state.clone()), stopped.clone(), patience);
    let listeners = [tokio::spawn(api), tokio::spawn(dashboard)];

    let prepared = until_stopped(&stopped, prepare(&state, &queue)).await;
    let mut outcome = Ok(());
    match prepared {
        Some(Ok(())) => {
            state.readiness.set_accepts();
            let engine_pid = engine.as_ref().map(EngineChild::pid);
            let addresses = Announcement {
                api: api_url,
                dashboard: dashboard_url,
                clickhouse: clickhouse_url,
                engine_pid,
            };
            log::announce("ready", addresses)?;
            let schema_watch = tokio::spawn(schema_watch::run(state.store.clone(), options.store_directory));
            let follow = tokio::spawn(follow::run(state.spool.clone(), state.store.clone()));
            write_until_stopped(queue, &state, &stopped, patience, listeners).await;
            schema_watch.abort();
            follow.abort();
        }
        Some(Err(error)) => outcome = Err(error),
        None => {}
    }
    state.readiness.set_stopping();
    stop.send_replace(true);
    drop(state);
    if let Some(engine) = engine {
        engine.stop().await;
    }
    if outcome.is_ok()
        && timeout(patience, tokio::task::spawn_blocking(|| spool_thread.join())).await.is_err()
    {
        tracing::warn!("the spool did not close in time; what was acknowledged is on disk");
    }
    tracing::info!("stopped");
    outcome
}

fn new_writer(queue: Queue, state: &AppState, stopped: watch::Receiver<bool>) -> Writer {
    Writer::new(queue, state.store.clone(), Arc::clone(&state.parts), Arc::clone(&state.progress), stopped)
}

/// Writes for as long as requests come, and then what still waits.
async fn write_until_stopped(
    queue: Queue,
    state: &AppState,
    stopped: &watch::Receiver<bool>,
    patience: Duration,
    listeners: [tokio::task::JoinHandle<()>; 2],
) {
    let (stop_writer, writer_stopped) = watch::channel(false);
    let (parts, watching) = (Arc::clone(&state.parts), stopped.clone());
    tokio::spawn(async move { parts.watch(watching).await });
    let mut writer = tokio::spawn(new_writer(queue, state, writer_stopped).run());
    tokio::select! {
        _ = wait_for_stop(stopped) => {}
        ended = &mut writer => tracing::error!(?ended, "the writer ended; what arrives stays in the spool"),
    }
    wait_for_stop(stopped).await;
    tracing::info!("stopping: no new requests, writing what waits");
    for listener in listeners {
        _ = listener.await;
    }
    stop_writer.send_replace(true);
    if !writer.is_finished() && timeout(patience, &mut writer).await.is_err() {
        writer.abort();
        let bytes = state.spool.waiting_bytes();
        tracing::warn!(bytes, "ClickHouse has not taken everything; it is kept for the next start");
    }
}

/// An earlier program, or whoever made the directory, may have left it open.
fn close_to_others(data_dir: &Path) {
    let closed = std::fs::set_permissions(data_dir, std::fs::Permissions::from_mode(0o700));
    if let Err(error) = closed {
        tracing::warn!(%error, path = %data_dir.display(), "the data directory cannot be closed to other users (chmod 700)");
    }
}

fn install_metrics() -> anyhow::Result<PrometheusHandle> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &DURATION_BUCKETS)
        .and_then(|builder| {
            builder.set_buckets_for_metric(Matcher::Full("log_center_insert_rows".to_owned()), &ROWS_BUCKETS)
        })
        .context("buckets of the metrics")?;
    let handle = builder.install_recorder().context("cannot install the metrics")?;
    api::metrics::describe();
    Ok(handle)
}

async fn bind(what: &str, setting: &str, addr: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(addr).await.with_context(|| {
        format!("the {what} cannot listen on {addr} ({setting}); is another Log Center running, or something else?")
    })
}

/// Starts the embedded ClickHouse, or takes the remote one as it is.
async fn connect(config: &Config) -> anyhow::Result<(Option<EngineChild>, Store, String)> {
    let clickhouse = &config.clickhouse;
    let store = |url: &str, user: &str, password: &str| {
        let store = Store::new(url, user, password, &clickhouse.database);
        match &clickhouse.reader {
            Some((user, password)) => store.with_reader(user, password),
            None => store,
        }
    };
    if let Some(url) = &clickhouse.url {
        return Ok((None, store(url, &clickhouse.user, &clickhouse.password), url.clone()));
    }
    let data_dir = config.args.data_dir.join("clickhouse");
    let password_file = config.args.clickhouse_password_file.clone();
    let password = log_center_engine::Password::load_or_create(&data_dir, password_file.as_deref())?;
    let engine = EngineChild::start(EngineCommand {
        program: std::env::current_exe().context("cannot find this program's own file")?,
        hung_after: Duration::from_secs(config.args.engine_hung_seconds),
        addr: config.args.engine_addr,
        hosts: config.args.hosts.clone(),
        database: config.clickhouse.database.clone(),
        data_dir,
        password_file,
        libchdb: config.args.libchdb.clone(),
        memory_bytes: config.args.engine_memory_bytes,
        allow_remote: config.args.allow_remote,
    });
    let engine = engine.await?;
    let url = format!("http://{}", engine.addr);
    let store = store(&url, EMBEDDED_WRITER, password.reveal());
    // With the password the engine keeps a share of its turns for these, too.
    let store = store.with_reader(EMBEDDED_READER, password.reveal());
    Ok((Some(engine), store.judged_by_engine(), url))
}

/// Brings the database to this program's schema and the issue index to the database's issues.
async fn prepare(state: &AppState, queue: &Queue) -> anyhow::Result<()> {
    let failures = Recurring::new();
    loop {
        match try_prepare(state, queue).await {
            Ok(()) => return Ok(()),
            Err(SeedError::Spool(error)) => {
                tracing::debug!(%error, "the spool cannot take the known issues");
                sleep(CONNECT_PAUSE).await;
            }
            Err(SeedError::Store(error)) if !error.is_unavailable() => {
                bail!("the database cannot be used: {error}")
            }
            Err(SeedError::Store(error)) => {
                let cause = error.cause();
                if let Some(times) = failures.came(cause) {
                    let (code, action) = (cause.code(), cause.action());
                    tracing::warn!(%error, code, times, action, "ClickHouse cannot be used yet; trying on");
                }
                if let Err(error) = state.parts.clear_way(&error).await {
                    tracing::debug!(%error, "the part that is in the way cannot be put aside");
                }
                sleep(CONNECT_PAUSE).await;
            }
        }
    }
}

async fn try_prepare(state: &AppState, queue: &Queue) -> Result<(), SeedError> {
    state.store.migrate().await?;
    schema_watch::complete(&state.store).await?;
    claim::claim(&state.spool, &state.store).await?;
    if let Some((first, last)) = state.spool.loss().and_then(|loss| loss.half_sent) {
        writer::complete(&state.store, first, last).await?;
    }
    let database = seed::compare(&state.spool, &state.store).await?;
    if let Some(loss) = state.parts.compare_with_last_run().await? {
        state.spool.set_loss_of_clickhouse(loss);
    }
    if !state.spool.is_seeded() || matches!(database, seed::Database::Another { .. }) {
        write_what_waits(state, queue).await;
    }
    seed::settle(&state.spool, &state.store, &database).await?;
    Ok(state.parts.look_for_detached().await?)
}

/// Brings what waits to ClickHouse. The issue index was lost or is that of another database, and will be filled from there: the
/// issues of what waits shall be among them.
async fn write_what_waits(state: &AppState, queue: &Queue) {
    while state.spool.waiting_events() > 0 {
        let (_stop, stopped) = watch::channel(true);
        new_writer(queue.clone(), state, stopped).run().await;
        if state.spool.is_seeded() {
            // Reports are taken already, so that there may always be one more.
            return;
        }
        sleep(CONNECT_PAUSE).await;
    }
}

async fn wait_for_stop(stopped: &watch::Receiver<bool>) {
    // An error means that nobody can stop us any more, which is as good as being told to.
    _ = stopped.clone().wait_for(|stopped| *stopped).await;
}

/// The outcome of some work, or `None` if the server is stopped first.
async fn until_stopped<T>(stopped: &watch::Receiver<bool>, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        outcome = work => Some(outcome),
        () = wait_for_stop(stopped) => None,
    }
}

/// The first signal asks for an orderly stop, the second one ends the process.
async fn stop_on_signal(stop: watch::Sender<bool>) {
    let (Ok(mut term), Ok(mut int), Ok(mut hup)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()), signal(SignalKind::hangup()))
    else {
        tracing::error!("signals cannot be received; only SIGKILL stops this process");
        return;
    };
    let mut next = async || {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
            // A terminal that is closed asks for no less order than the one who stops a service.
            _ = hup.recv() => {}
        }
    };
    next().await;
    stop.send_replace(true);
    next().await;
    tracing::warn!("stopped at once by a second signal; what was acknowledged is on disk");
    std::process::exit(1);
}
