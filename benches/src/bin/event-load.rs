//! Sends batches of records as fast as the server acknowledges them, watches when they can be queried, and compares with
//! what ClickHouse itself takes when the same rows are inserted as JSON.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use clap::Parser;
use log_center_benches::batches::{self, Sent, Shape};
use log_center_benches::machine::{self, Machine};
use log_center_benches::results::{Figures, write_figures};
use log_center_benches::target::Target;
use log_center_benches::traffic::MEAN_RECORDS;
use log_center_benches::usage::Watch;
use tokio::task::LocalSet;

/// How long what was acknowledged may take to become visible before it counts as lost.
const VISIBLE_DEADLINE: Duration = Duration::from_secs(300);

/// How often ClickHouse is asked how much is there.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// Rows of one insert into the peer.
const PEER_ROWS: u64 = 100_000;

/// How often that insert is done.
const PEER_INSERTS: u32 = 5;

#[derive(Parser)]
#[command(about, version)]
struct Args {
    /// The server to start, on an empty data directory (below TMPDIR) and free ports
    #[arg(long, default_value = "target/release/log-center", conflicts_with = "api")]
    server: PathBuf,
    /// Base URL of a server that runs already, instead
    #[arg(long, requires = "clickhouse")]
    api: Option<String>,
    /// Base URL of its ClickHouse
    #[arg(long, requires = "api")]
    clickhouse: Option<String>,
    /// Connections at the same time
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    connections: u32,
    /// Records of a batch
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(24..=10_000))]
    records: u32,
    /// Seconds of load
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    duration: u64,
    /// Records a second at most; 0 = as fast as they are acknowledged
    #[arg(long, default_value_t = 0)]
    rate: u64,
    /// Fill with so many records, however long that takes, instead of measuring for some time
    #[arg(long)]
    fill: Option<u64>,
    /// Over how many days before now the records of --fill are spread
    #[arg(long, default_value_t = 25)]
    days: i64,
    /// Name of the result's two files, without extension
    #[arg(long, default_value = "event-load")]
    name: String,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        tokio::select! {
            result = run(&args) => result,
            _ = tokio::signal::ctrl_c() => Err(anyhow!("interrupted")),
        }
    })
}

async fn run(args: &Args) -> Result<()> {
    let target = match (&args.api, &args.clickhouse) {
        (Some(api), Some(clickhouse)) => Target::running(api.clone(), clickhouse.clone())?,
        _ => {
            let log = std::env::temp_dir().join(format!("{}-server.log", args.name));
            println!("starting {}, its log goes to {}", args.server.display(), log.display());
            Target::start(&args.server, &log).await?
        }
    };
    let before = count(&target)?;
    let machine = Machine::this();
    let started_at = jiff::Timestamp::now();
    let sent = Rc::new(Sent::new()?);
    let watch = Watch::start([std::process::id()].into_iter().chain(target.pids()).collect());
    let began = Instant::now();
    let load = tokio::task::spawn_local(batches::run(target.api()?, shape(args), Rc::clone(&sent)));
    let lags = follow(&target, before, &sent, &load).await?;
    load.await??;
    let took = sent.last_answer.get() - began;
    let visible = wait_visible(&target, before, &sent).await?;
    let usages = watch.end();
    let acknowledged = sent.acknowledged.get();
    let counted = count(&target)? - before;
    ensure!(counted == acknowledged, "{acknowledged} records were acknowledged, {counted} are there");
    let peer = if args.fill.is_none() { Some(peer(&target)?) } else { None };

    let per_second = acknowledged as f64 / took.as_secs_f64();
    let times = sent.answer_times_us.borrow();
    let millis = |quantile| times.value_at_quantile(quantile) as f64 / 1000.0;
    let mut figures =
        Figures::new("Records: batches in a closed loop, durable before the answer, counted in ClickHouse");
    figures.say("when", started_at.strftime("%Y-%m-%dT%H:%M:%SZ"));
    figures.say("machine", machine);
    figures.say(
        "command",
        std::env::args().skip(1).fold(
            "cargo run --release --manifest-path benches/Cargo.toml --bin event-load --".to_owned(),
            |command, argument| format!("{command} {argument}"),
        ),
    );
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    figures.say("commit", machine::first_line_of("git", &["-C", root, "describe", "--always", "--dirty"]));
    figures.say("ClickHouse", target.query("SELECT version()")?);
    figures.say("records", acknowledged);
    figures.say("bytes a record (NDJSON)", sent.bytes.get() / acknowledged.max(1));
    figures.say("connections, records a batch", format!("{}, {}", args.connections, args.records));
    figures.say("**records a second, acknowledged**", format!("{per_second:.0}"));
    figures.say(
        "answer p50 / p99 / max ms",
        format!("{:.1} / {:.1} / {:.1}", millis(0.5), millis(0.99), millis(1.0)),
    );
    figures.say("batches refused with 503 and sent again", sent.refused.get());
    let lag = |quantile: f64| {
        lags.get(((lags.len() as f64 - 1.0) * quantile) as usize).copied().unwrap_or_default()
    };
    figures.say(
        "acknowledged until it can be queried, p50 / p99 / max s",
        format!("{:.2} / {:.2} / {:.2}", lag(0.5), lag(0.99), lag(1.0)),
    );
    figures.say("all visible after the last answer, s", format!("{:.2}", visible.as_secs_f64()));
    figures.say(
        "records a second, until all were visible",
        format!("{:.0}", acknowledged as f64 / (took + visible).as_secs_f64()),
    );
    for (name, usage) in ["generator", "server", "engine"].iter().zip(&usages) {
        figures.say(
            &format!("{name}: memory at most MB, CPU µs a record"),
            format!(
                "{}, {:.2}",
                usage.rss_max_bytes >> 20,
                usage.cpu_seconds * 1e6 / acknowledged.max(1) as f64
            ),
        );
    }
    if let Some(peer) = peer {
        figures.say("ClickHouse's own JSONEachRow insert of such rows, rows a second", format!("{peer:.0}"));
        figures.say("**ratio to that**", format!("{:.2}", per_second / peer));
    }
    figures.say(
        "bytes a row on disk",
        target.query(
            "SELECT round(sum(bytes_on_disk) / sum(rows), 1) FROM system.parts \
         WHERE active AND database = 'log_center' AND table = 'event_store'",
        )?,
    );
    let path = write_figures(&figures, &args.name)?;
    println!("\n{}\nwritten to {}", figures.markdown(), path.display());
    Ok(())
}

fn shape(args: &Args) -> Shape {
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let span_ms = args.days * 24 * 60 * 60 * 1000;
    let requests = |records: u64| (records as f64 / MEAN_RECORDS).max(1.0);
    let step_us = args.fill.map_or(1, |records| (span_ms as f64 * 1000.0 / requests(records)) as i64);
    Shape {
        connections: args.connections as usize,
        records: args.records as usize,
        records_at_most: args.fill.unwrap_or(u64::MAX),
        time_at_most: Duration::from_secs(if args.fill.is_some() { 86_400 } else { args.duration }),
        rate: args.rate,
        start_ms: args.fill.map(|_| now_ms - span_ms),
        step_us,
    }
}

fn count(target: &Target) -> Result<u64> {
    target.query("SELECT count() FROM log_center.event_store")?.parse().context("a number was expected")
}

/// How old the newest queryable record is, in seconds, sorted; until the load ends. What is acknowledged is written down
/// often enough to tell when that was which can be seen now.
async fn follow(
    target: &Target,
    before: u64,
    sent: &Sent,
    load: &tokio::task::JoinHandle<Result<()>>,
) -> Result<Vec<f64>> {
    let mut history = vec![(Instant::now(), 0)];
    let mut lags = Vec::new();
    let mut printed = Instant::now();
    while !load.is_finished() {
        tokio::time::sleep(POLL_INTERVAL).await;
        let (now, acknowledged) = (Instant::now(), sent.acknowledged.get());
        history.push((now, acknowledged));
        let seen = count(target)? - before;
        let acknowledged_at = history.iter().rev().find(|(_, known)| *known <= seen).map(|(at, _)| *at);
        lags.push(acknowledged_at.map_or(0.0, |at| at.elapsed().as_secs_f64()));
        if printed.elapsed() > Duration::from_secs(5) {
            printed = Instant::now();
            let lag = lags.last().copied().unwrap_or_default();
            println!("{acknowledged} records acknowledged, {seen} visible, {lag:.2} s behind");
        }
    }
    lags.sort_by(f64::total_cmp);
    Ok(lags)
}

async fn wait_visible(target: &Target, before: u64, sent: &Sent) -> Result<Duration> {
    loop {
        let waited = sent.last_answer.get().elapsed();
        if count(target)? - before >= sent.acknowledged.get() {
            return Ok(waited);
        }
        ensure!(waited < VISIBLE_DEADLINE, "not everything that was acknowledged can be queried");
        tokio::time::sleep(POLL_INTERVAL / 5).await;
    }
}

/// Rows a second that ClickHouse takes as JSONEachRow into a table like `event_store`, on which no view hangs.
fn peer(target: &Target) -> Result<f64> {
    target.query("DROP TABLE IF EXISTS log_center.bench_peer SYNC")?;
    target.query("CREATE TABLE log_center.bench_peer AS log_center.event_store")?;
    let rows = target.download(&format!(
        "SELECT * FROM log_center.event_store LIMIT {PEER_ROWS} FORMAT JSONEachRow SETTINGS max_threads = 1"
    ))?;
    let began = Instant::now();
    for insert in 0..PEER_INSERTS {
        target.insert(
            &format!(
                "INSERT INTO log_center.bench_peer SETTINGS insert_deduplication_token = 'peer-{insert}', \
                 async_insert = 0, max_insert_block_size = {PEER_ROWS} FORMAT JSONEachRow"
            ),
            &rows,
        )?;
    }
    let took = began.elapsed().as_secs_f64();
    let there: u64 = target.query("SELECT count() FROM log_center.bench_peer")?.parse()?;
    target.query("DROP TABLE log_center.bench_peer SYNC")?;
    Ok(there as f64 / took)
}
