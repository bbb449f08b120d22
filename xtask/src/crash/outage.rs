//! `cargo xtask outage`: ClickHouse goes away for a while, reports keep coming.
//!
//! The server runs against a `log-center engine` of its own (`LOG_CENTER_CLICKHOUSE_URL`), because one that it had
//! started itself it would start again. While the engine is dead (or frozen: connected, but mute) every report has to
//! be answered with 200 in less than a second, and when it is back each has to be counted once.

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;
use serde::Deserialize;

use super::ledger::Ledger;
use super::place::{Place, Tested};
use super::settle::settle;
use super::steady::{Harvest, SteadyLoad};
use super::witness::Witness;
use super::{client::Address, wait};
use crate::interrupt;
use crate::server::{Process, READY_DEADLINE, STOP_DEADLINE, Server, password_of};

/// How long reports come in before the engine goes and after it is back.
const BEFORE_AND_AFTER: Duration = Duration::from_secs(3);

/// No answer may take longer.
const SLOWEST_ANSWER: Duration = Duration::from_secs(1);

/// How long what was spooled may take to become visible before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(120);

/// How ClickHouse goes away, and under what load.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How long ClickHouse is away
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Reports a second
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// Connections that the reports come over
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=256))]
    connections: u32,
    /// Freeze it (SIGSTOP) instead of killing it: it accepts connections and never answers
    #[arg(long)]
    freeze: bool,
    #[command(flatten)]
    tested: Tested,
}

/// Runs the outage and fails if a report was refused, answered late, lost, or counted twice.
pub(crate) fn run(args: Args) -> Result<()> {
    let place = Place::new("log-center-outage-", args.tested.clone())?;
    match outage(&args, &place) {
        Err(error) if !error.is::<interrupt::Interrupted>() => Err(error.context(place.keep())),
        done => done,
    }
}

fn outage(args: &Args, place: &Place) -> Result<()> {
    let mut engine = Engine::start(place, None)?;
    let mut options = place.options();
    options.env.push(("LOG_CENTER_CLICKHOUSE_URL".to_owned(), engine.url_for_writers()));
    let mut server = Server::start(&options)?;
    let address = Address::default();
    address.set(Some(server.addresses().api.clone()));

    println!(
        "{} reports/s over {} connections, data in {}",
        args.rate,
        args.connections,
        place.path().display()
    );
    let load = SteadyLoad::start(&address, args.connections, args.rate);
    wait(BEFORE_AND_AFTER)?;
    println!("ClickHouse {} for {} s", if args.freeze { "is frozen" } else { "is killed" }, args.seconds);
    if args.freeze {
        engine.process.signal(Signal::STOP);
        let waited = wait(Duration::from_secs(args.seconds));
        engine.process.signal(Signal::CONT);
        waited?;
    } else {
        engine.process.kill();
        wait(Duration::from_secs(args.seconds))?;
        engine = Engine::start(place, Some(&engine.url))?;
    }
    println!("ClickHouse is back");
    let back = Instant::now();
    wait(BEFORE_AND_AFTER)?;
    let harvest = load.end()?;
    interrupt::check()?;

    let figures = Figures::of(&harvest);
    let mut ledger = Ledger::default();
    harvest.sent.into_iter().for_each(|(event, fate)| ledger.enter(&event, fate));
    let (visible, findings) =
        settle(&ledger, &Witness::new(&engine.url, engine.password.clone()), &ledger.rounds(), PATIENCE)?;
    let visible_after = visible.map_or_else(|| back.elapsed(), |at| at.duration_since(back));
    figures.print();
    println!(
        "all visible         {:.1} s after it was back ({} s of further load included)",
        visible_after.as_secs_f64(),
        BEFORE_AND_AFTER.as_secs()
    );
    println!("lost, doubled       {}, {}", findings.lost, findings.doubled);

    let problems: Vec<_> = harvest.complaints.into_iter().chain(findings.examples.iter().cloned()).collect();
    problems.iter().for_each(|problem| println!("  {problem}"));
    server.process().stop(STOP_DEADLINE)?;
    engine.process.stop(STOP_DEADLINE)?;
    ensure!(visible.is_some() && findings.is_clean(), "not every report was counted once");
    ensure!(figures.not_accepted == 0, "{} reports were not answered with 200", figures.not_accepted);
    ensure!(figures.slowest < SLOWEST_ANSWER, "an answer took {} ms", figures.slowest.as_millis());
    let panics = place.panics();
    ensure!(panics.is_empty(), "the log tells of a panic: {panics:?}");
    Ok(())
}

/// What is said about the answers.
struct Figures {
    reports: usize,
    not_accepted: u64,
    p99: Duration,
    slowest: Duration,
}

impl Figures {
    fn of(harvest: &Harvest) -> Self {
        let mut times = harvest.answer_times.clone();
        times.sort_unstable();
        let at = |index: usize| times.get(index).copied().unwrap_or_default();
        Self {
            reports: times.len(),
            not_accepted: harvest.not_accepted,
            p99: at(times.len() * 99 / 100),
            slowest: at(times.len().saturating_sub(1)),
        }
    }

    fn print(&self) {
        println!("reports             {}", self.reports);
        println!("not answered by 200 {}", self.not_accepted);
        println!("answer p99, slowest {} ms, {} ms", self.p99.as_millis(), self.slowest.as_millis());
    }
}

/// A `log-center engine` that belongs to no server.
struct Engine {
    process: Process,
    url: String,
    password: String,
}

/// The line that an engine prints when it is ready.
#[derive(Deserialize)]
struct Ready {
    listening: SocketAddr,
}

impl Engine {
    /// Starts it on the address of `url`, or on a free port.
    fn start(place: &Place, url: Option<&str>) -> Result<Self> {
        let address = match url.map(|url| url.strip_prefix("http://")) {
            None => "127.0.0.1:0",
            Some(Some(address)) => address.trim_end_matches('/'),
            Some(None) => bail!("the engine is not at http://…: {url:?}"),
        };
        let mut command = Command::new(&place.binary);
        command
            .arg("engine")
            .env("LOG_CENTER_ENGINE_ADDR", address)
            .env("LOG_CENTER_ENGINE_DATA_DIR", place.path().join("clickhouse"));
        if let Some(library) = &place.libchdb {
            command.env("LOG_CENTER_LIBCHDB", library);
        }
        let (process, ready) = Process::start::<Ready>(command, READY_DEADLINE, Some(place.log_file()?))
            .context("cannot start the engine")?;
        let password = password_of(&place.path().join("clickhouse"))?;
        Ok(Self { process, url: format!("http://{}", ready.listening), password })
    }

    fn url_for_writers(&self) -> String {
        self.url.replacen("://", &format!("://default:{}@", self.password), 1)
    }
}
