//! Reports errors as fast as the server acknowledges them, over more and more connections, and counts what arrives.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use clap::Parser;
use log_center_benches::load::{self, Shape};
use log_center_benches::machine::{self, Machine};
use log_center_benches::reports;
use log_center_benches::results::{ReportLoad, Row};
use log_center_benches::target::Target;
use log_center_benches::usage::{Usage, Watch};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::LocalSet;

/// How long what was acknowledged may take to become visible before it counts as lost.
const VISIBLE_DEADLINE: Duration = Duration::from_secs(120);

/// How often ClickHouse is asked.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

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
    /// Connections, one row of the table each
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64, 256],
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    connections: Vec<u32>,
    /// Seconds that are measured in each row
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    duration: u64,
    /// Seconds of load before
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(0..=3_600))]
    warm_up: u64,
    /// Where table and JSON go [default: benches/results]
    #[arg(long)]
    results: Option<PathBuf>,
    /// Name of the two files, without extension
    #[arg(long, default_value = "report-load")]
    name: String,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let directory = args
        .results
        .clone()
        .unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/results")));
    let result = LocalSet::new().block_on(&runtime, async {
        tokio::select! {
            result = run(&args) => result,
            interrupted = interrupted() => Err(interrupted),
        }
    })?;
    let path = result.write(&directory, &args.name)?;
    println!("\n{}\nwritten to {}", result.markdown(), path.display());
    for row in &result.rows {
        let Row { connections, errors, acknowledged, counted, events, .. } = row;
        ensure!(*errors == 0, "{connections} connections: {errors} errors");
        ensure!(
            acknowledged == counted && counted == events,
            "{connections} connections: {acknowledged} acknowledged, {counted} counted, {events} events"
        );
    }
    Ok(())
}

async fn run(args: &Args) -> Result<ReportLoad> {
    let target = match (&args.api, &args.clickhouse) {
        (Some(api), Some(clickhouse)) => Target::running(api.clone(), clickhouse.clone())?,
        _ => {
            let log = std::env::temp_dir().join(format!("{}-server.log", args.name));
            println!("starting {}, its log goes to {}", args.server.display(), log.display());
            Target::start(&args.server, &log).await?
        }
    };
    measure(args, &target).await
}

/// Waits for ^C or SIGTERM. What was started ends when the future beside this one is dropped.
async fn interrupted() -> anyhow::Error {
    let waited = async {
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            result = tokio::signal::ctrl_c() => result,
            _ = terminate.recv() => Ok(()),
        }
    };
    waited.await.map_or_else(anyhow::Error::from, |()| anyhow!("interrupted"))
}

async fn measure(args: &Args, target: &Target) -> Result<ReportLoad> {
    let started_at = jiff::Timestamp::now();
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let mut result = ReportLoad {
        started_at: started_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        machine: Machine::this(),
        command: command(args),
        server_version: match &args.api {
            Some(api) => format!("server at {api}"),
            None => machine::first_line_of(std::path::absolute(&args.server)?, &["--version"]),
        },
        commit: machine::first_line_of("git", &["-C", root, "describe", "--always", "--dirty"]),
        clickhouse_version: target.query("SELECT version()").unwrap_or_else(|_| "unknown".to_owned()),
        body_bytes: 0,
        warm_up_s: args.warm_up as f64,
        duration_s: args.duration as f64,
        rows: Vec::new(),
    };
    for connections in &args.connections {
        // A project of its own for each row: what is counted was sent in this row.
        let project = format!("bench_{}_{connections}", started_at.as_second());
        let reports = reports::prepare(&target.api()?.to_string(), &project);
        result.body_bytes = reports.iter().map(|report| report.body_bytes).sum::<usize>() / reports.len();
        let shape = Shape {
            connections: *connections as usize,
            warm_up: Duration::from_secs(args.warm_up),
            duration: Duration::from_secs(args.duration),
        };
        let row = measure_row(target, Rc::new(reports), &project, shape).await?;
        println!(
            "{connections:>4} connections: {:.0} reports/s, p50 {:.2} ms, p99 {:.2} ms, {} errors",
            row.reports_per_s, row.p50_ms, row.p99_ms, row.errors
        );
        result.rows.push(row);
    }
    Ok(result)
}

async fn measure_row(
    target: &Target,
    reports: Rc<Vec<reports::Report>>,
    project: &str,
    shape: Shape,
) -> Result<Row> {
    let mut pids = vec![std::process::id()];
    pids.extend(target.pids());
    let watch = Watch::start(pids);
    let began = Instant::now();
    let measured = load::run(target.api()?, reports, shape).await?;
    measured.errors_in_words.iter().for_each(|error| println!("  {error}"));
    let (counted, events, visible_after) = count(target, project, &measured).await?;
    let usages = watch.end();
    let elapsed_s = began.elapsed().as_secs_f64();
    let micros_a_report = |usage: Usage| usage.cpu_seconds * 1e6 / measured.acknowledged.max(1) as f64;
    let usage = |index: usize| -> Option<Usage> { usages.get(index).copied() };
    let millis = |quantile| measured.answer_times_us.value_at_quantile(quantile) as f64 / 1_000.0;
    Ok(Row {
        connections: shape.connections,
        reports_per_s: measured.answer_times_us.len() as f64 / shape.duration.as_secs_f64(),
        p50_ms: millis(0.5),
        p99_ms: millis(0.99),
        max_ms: millis(1.0),
        errors: measured.errors,
        acknowledged: measured.acknowledged,
        counted,
        events,
        visible_after_ms: visible_after.and_then(|after| u64::try_from(after.as_millis()).ok()),
        server_rss_bytes: usage(1).map(|usage| usage.rss_max_bytes),
        engine_rss_bytes: usage(2).map(|usage| usage.rss_max_bytes),
        server_cpu_us: usage(1).map(micros_a_report),
        engine_cpu_us: usage(2).map(micros_a_report),
        generator_cpu_us: usage(0).map_or(0.0, micros_a_report),
        cpus_busy: usages.iter().map(|usage| usage.cpu_seconds).sum::<f64>() / elapsed_s,
    })
}

/// Waits until everything is counted: the sum of `issues`, the rows of `events`, and how long that took.
async fn count(
    target: &Target,
    project: &str,
    measured: &load::Measured,
) -> Result<(u64, u64, Option<Duration>)> {
    let sql = format!(
        "SELECT concat(toString((SELECT sum(count) FROM log_center.issues WHERE project = '{project}')), ' ', \
         toString((SELECT count() FROM log_center.events WHERE project = '{project}')))"
    );
    loop {
        let text = target.query(&sql)?;
        let (counted, events) =
            text.split_once(' ').with_context(|| format!("two numbers expected: {text}"))?;
        let (counted, events) = (counted.parse()?, events.parse()?);
        let waited = measured.last_answer.elapsed();
        if counted >= measured.acknowledged && events >= measured.acknowledged {
            return Ok((counted, events, Some(waited)));
        }
        if waited > VISIBLE_DEADLINE {
            return Ok((counted, events, None));
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

fn command(args: &Args) -> String {
    let connections: Vec<_> = args.connections.iter().map(u32::to_string).collect();
    format!(
        "cargo run --release --manifest-path benches/Cargo.toml --bin report-load -- --connections {} --duration {} \
         --warm-up {}",
        connections.join(","),
        args.duration,
        args.warm_up
    )
}
