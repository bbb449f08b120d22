//! `cargo xtask crash`: kills the server and its engine under load and counts what was acknowledged.
//!
//! A round: [`reporter`]s send [`post`]s over keep-alive connections; the [`plan`] of the round, which the seed alone
//! decides, says when who gets SIGKILL, during the recovery too. The [`subject`] starts the server again when it was
//! hit; the engine is the server's own business. When everything is up the load goes on for a while and ends, posts
//! with a key are repeated until they are answered, and from then on the clock runs: the [`witness`] asks ClickHouse
//! until every acknowledged event is there. The [`ledger`] compares, event by event and issue by issue, and every table
//! that ClickHouse adds up is compared with the [sums] of the events themselves. After the last round the server is
//! stopped in the orderly way, started once more, and everything is compared again.
//!
//! With `--servers`, further [`servers`] write to the engine of the first: they are killed, too, and each has reporters of its own.
//!
//! Nothing is killed by name, and nothing stays behind: not on success, not on ^C. After a failure the data directory is
//! kept and named.

mod body;
mod choice;
mod client;
pub(crate) mod damage;
pub(crate) mod disk;
mod expired;
mod findings;
mod ledger;
pub(crate) mod outage;
mod payload;
mod place;
mod plan;
mod post;
mod reporter;
mod servers;
mod settle;
mod steady;
mod subject;
mod summary;
mod sums;
mod witness;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use self::expired::Expired;
use self::ledger::Ledger;
use self::place::{Place, Tested};
use self::plan::Plan;
use self::reporter::{Load, Manner, Reporter};
use self::servers::Servers;
use self::settle::settle;
use self::summary::{Round, Summary};
use self::witness::Witness;
use crate::interrupt;

/// How long the harness waits for what is late, so as to tell late from lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long after the end of the load a post with a key is repeated: the server may be about to start.
const GIVE_UP_AFTER: Duration = Duration::from_secs(60);

/// Most connections: each is a thread.
const REPORTERS_AT_MOST: i64 = 256;

/// Most servers on one engine: each is a process with a spool.
const SERVERS_AT_MOST: i64 = 8;

/// How hard to shake.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Rounds of load, SIGKILL, restart and count
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rounds: u32,
    /// What decides who is killed when, and what is sent; printed, so that a run can be repeated [default: random]
    #[arg(long)]
    seed: Option<u64>,
    /// Connections that report at the same time
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=REPORTERS_AT_MOST))]
    reporters: u16,
    /// Everything has to be visible this many seconds after the load has ended on the recovered server
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=30))]
    deadline_seconds: u64,
    /// Servers that write to the engine of the first; each has reporters of its own
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=SERVERS_AT_MOST))]
    servers: u16,
    #[command(flatten)]
    tested: Tested,
}

/// Runs the rounds and fails if one event was lost, counted twice, or late.
pub(crate) fn run(args: Args) -> Result<()> {
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..));
    let place = Place::new("log-center-crash-", args.tested)?;
    println!(
        "{} rounds, {} reporters, {} servers, --seed {seed}, data in {}",
        args.rounds,
        args.reporters,
        args.servers,
        place.path().display()
    );
    let mut servers = Servers::new(&place, args.servers)?;
    let manner = Manner { choose: choice::choose, give_up_after: GIVE_UP_AFTER };
    let reporter = |index: u16| Reporter::new(index.into(), manner, servers.address_of(index));
    let mut shake = Shake {
        seed,
        deadline: Duration::from_secs(args.deadline_seconds),
        reporters: (0..args.reporters).map(reporter).collect(),
        ledger: Ledger::default(),
        expired: 0,
        summary: Summary::default(),
    };
    let outcome = shake.all_rounds(&mut servers, args.rounds);
    shake.summary.complain(place.panics());
    shake.summary.print(shake.ledger.totals(), shake.deadline);
    drop(servers);
    match outcome {
        Ok(()) if shake.summary.is_clean() => Ok(()),
        Err(error) if error.is::<interrupt::Interrupted>() => Err(error),
        Err(error) => Err(error.context(format!("--seed {seed}; {}", place.keep()))),
        Ok(()) => bail!(
            "not everything was counted once, in time and rightly answered (--seed {seed}); {}",
            place.keep()
        ),
    }
}

struct Shake {
    seed: u64,
    deadline: Duration,
    reporters: Vec<Reporter>,
    ledger: Ledger,
    /// Acknowledged records that were past their retention.
    expired: u64,
    summary: Summary,
}

impl Shake {
    fn all_rounds(&mut self, servers: &mut Servers, rounds: u32) -> Result<()> {
        self.started(servers)?;
        for number in 0..rounds {
            let round = self.round(servers, number).with_context(|| format!("round {number}"))?;
            self.summary.add(number, &round, self.deadline, self.ledger.totals());
        }
        self.after_an_orderly_restart(servers)
    }

    fn round(&mut self, servers: &mut Servers, number: u32) -> Result<Round> {
        let plan = Plan::new(self.seed, number, servers.count() > 1);
        let load = Load::start(std::mem::take(&mut self.reporters), self.seed, number);
        let expired = Expired::start(servers.address_of(0), number);
        let mut strikes = Vec::new();
        let mut last_strike = Instant::now();
        for strike in plan.strikes {
            wait(strike.after)?;
            if servers.strike(strike.victim, number)? {
                last_strike = Instant::now();
                strikes.push(strike);
            }
        }
        let witness = self.recovered(servers)?;
        let ready_after = last_strike.elapsed();
        wait(plan.load_tail)?;
        let (reporters, harvest) = load.end()?;
        self.expired += expired.end()?;
        interrupt::check()?;
        let ended = Instant::now();
        self.reporters = reporters;
        harvest.sent.into_iter().for_each(|(event, fate)| self.ledger.enter(&event, fate));
        self.summary.complain(harvest.complaints);
        let (visible, findings) = settle(&self.ledger, &witness, &[number], PATIENCE)?;
        let visible_after = visible.map(|at| at.duration_since(ended));
        let findings = findings.and(expired::compare(&witness, self.expired, PATIENCE)?);
        Ok(Round { strikes, ready_after, visible_after, findings })
    }

    fn started(&mut self, servers: &mut Servers) -> Result<Witness> {
        let mut complaints = Vec::new();
        let witness = servers.start(&mut complaints);
        self.summary.complain(complaints);
        witness
    }

    fn recovered(&mut self, servers: &mut Servers) -> Result<Witness> {
        let mut complaints = Vec::new();
        let witness = servers.recovered(&mut complaints);
        self.summary.complain(complaints);
        witness
    }

    fn after_an_orderly_restart(&mut self, servers: &mut Servers) -> Result<()> {
        servers.stop().context("after the last round")?;
        let witness = self.started(servers)?;
        let (_, findings) = settle(&self.ledger, &witness, &self.ledger.rounds(), PATIENCE)?;
        let findings = findings.and(expired::compare(&witness, self.expired, PATIENCE)?);
        if !findings.is_clean() {
            println!("after an orderly restart:");
        }
        self.summary.add_findings(&findings);
        self.summary.complain(self.ledger.wrong_firsts(servers.count()));
        // What is empty agrees with whatever was forgotten.
        self.summary.complain(witness.empty_tables()?);
        servers.stop()?;
        servers.no_engine_left()
    }
}

fn wait(duration: Duration) -> Result<()> {
    let _passed = interrupt::poll(Instant::now() + duration, || None::<()>);
    interrupt::check()
}
