//! `cargo xtask damage`: damages what lies on disk while the server is down, and counts what was acknowledged.
//!
//! A round: reporters send reports and batches; the server is killed with something in its spool, in the middle of
//! the load, or with an empty spool, or is stopped in the orderly way. Then one or two [harms](harm) are done to its files,
//! which the seed alone decides. The server has to start, or to refuse with a command that lets it start. When its spool is
//! empty, what is missing may be no more than what the damaged spool held, and has to be told in the log and in `/health`;
//! nothing is there twice, no issue that is known is called new, all tables of sums agree with the events, and further
//! reports are taken. Then it goes on with the same data.
//!
//! After some rounds the data is thrown away. Nothing stays behind: not on success, not on ^C. After a failure data and log
//! are kept.

mod choice;
mod harm;
mod site;
mod state;
mod summary;

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use fastrand::Rng;
use rustix::process::Signal;

use self::harm::Harm;
use self::site::{PATIENCE, Site};
use self::state::State;
use self::summary::{Round, Summary};
use super::client::{Client, Reply};
use super::findings::Findings;
use super::ledger::{Fate, Ledger};
use super::payload::Event;
use super::place::{LOG_NAME, Place, Tested};
use super::plan::{self, Victim};
use super::post::Post;
use super::reporter::{Load, Reporter};
use super::settle::settle;
use super::subject::Subject;
use super::wait;
use crate::interrupt;

/// Rounds with the same data.
const ROUNDS_A_SITE: u32 = 12;

/// How long there is load, in milliseconds.
const LOAD_MS: std::ops::RangeInclusive<u64> = 80..=500;

/// How often a second harm is done, and how often what lies there is kept as the older copy of later rounds, in percent.
const SECOND_HARM_PERCENT: u8 = 20;
const KEEP_PERCENT: u8 = 30;

/// Attempts at finding a harm that can be done to what is there.
const HARM_ATTEMPTS: u32 = 20;

/// Reports that are sent after each start.
const PROBES: u64 = 12;

/// Connections that report at the same time.
const REPORTERS: u16 = 3;

/// What to damage, and how often.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Rounds of load, kill, damage, start and count
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rounds: u32,
    /// What decides what is damaged, and what is sent; printed, so that a run can be repeated [default: random]
    #[arg(long)]
    seed: Option<u64>,
    #[command(flatten)]
    tested: Tested,
}

/// Runs the rounds and fails if anything was doubled, or missing without a word.
pub(crate) fn run(args: Args) -> Result<()> {
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..));
    let place = Place::new("log-center-damage-", args.tested)?;
    println!("{} rounds, --seed {seed}, data in {}", args.rounds, place.path().display());
    let mut run = Run { seed, rounds: args.rounds, summary: Summary::default() };
    let outcome = run.all_rounds(&place);
    run.summary.print();
    match outcome {
        Ok(()) if run.summary.is_clean() => Ok(()),
        Err(error) if error.is::<interrupt::Interrupted>() => Err(error),
        Err(error) => Err(error.context(format!("--seed {seed}; {}", place.keep()))),
        Ok(()) => bail!("something was doubled, or missing without a word (--seed {seed}); {}", place.keep()),
    }
}

struct Run {
    seed: u64,
    rounds: u32,
    summary: Summary,
}

/// How the server ends before its files are damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Killed while ClickHouse takes nothing, so that all of the load waits.
    Waiting,
    /// Killed in the middle of the load.
    Loaded,
    /// Killed when nothing waits.
    Idle,
    /// Stopped in the orderly way.
    Stopped,
}

impl Ending {
    fn any(rng: &mut Rng) -> Self {
        match rng.u8(0..100) {
            ..50 => Self::Waiting,
            50..75 => Self::Loaded,
            75..90 => Self::Idle,
            _ => Self::Stopped,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Loaded => "loaded",
            Self::Idle => "idle",
            Self::Stopped => "stopped",
        }
    }
}

impl Run {
    fn all_rounds(&mut self, place: &Place) -> Result<()> {
        let mut number = 0;
        while number < self.rounds {
            let mut options = place.options();
            options.data_dir = place.path().join(format!("data-{number}"));
            // An engine that is stopped on purpose shall not be taken for hung.
            options.env.push(("LOG_CENTER_ENGINE_HUNG_SECONDS".to_owned(), "3600".to_owned()));
            let data = options.data_dir.clone();
            let subject = Subject::new(options);
            let state = State::new(subject.address(), place.path().join(LOG_NAME));
            let older = place.path().join("older");
            let mut site = Site { subject, state, ledger: Ledger::default(), data, older };
            let outcome = self.rounds_of_a_site(&mut site, &mut number);
            self.summary.acknowledge(site.ledger.totals().acked);
            let data = site.data.clone();
            drop(site);
            outcome?;
            if !self.summary.is_clean() {
                return Ok(());
            }
            fs::remove_dir_all(&data).context("cannot remove the data of earlier rounds")?;
            _ = fs::remove_dir_all(place.path().join("older"));
        }
        Ok(())
    }

    /// Counts `number` on. Ends early when something was wrong: what follows from it is no news.
    fn rounds_of_a_site(&mut self, site: &mut Site, number: &mut u32) -> Result<()> {
        site.subject.begin_start();
        site.subject.running().context("the server did not start with nothing on disk")?;
        site.subject.answering()?;
        for _ in 0..ROUNDS_A_SITE.min(self.rounds - *number) {
            self.round(site, *number).with_context(|| format!("round {number}"))?;
            *number += 1;
            if !self.summary.is_clean() {
                break;
            }
        }
        site.subject.stop().context("after the last round")?;
        site.subject.no_engine_left()
    }

    fn round(&mut self, site: &mut Site, number: u32) -> Result<()> {
        let began = Instant::now();
        let mut rng = plan::random(self.seed, number, 0);
        let acked_before = site.ledger.totals().acked;
        let ending = Ending::any(&mut rng);
        let held = self.load_and_end(site, &mut rng, number, ending)?;
        let ended_after = began.elapsed();
        let held = held.unwrap_or_else(|| site.ledger.totals().acked - acked_before);
        if rng.u8(0..100) < KEEP_PERCENT {
            harm::keep(&site.data, &site.older)?;
        }
        let harms = self.harm(site, &mut rng)?;
        let at = site.state.log_length();
        let started = site.start(at)?;
        let is_of_store = harms.iter().any(|done| done.harm.is_of_store());

        site.drained()?;
        let told = site.state.told_lost()?.max(started.told.unwrap_or(0));
        let health = site.state.health()?;
        let missing = site.missing(&started.witness, number)?;
        site.ledger.forgive(&missing);
        let missing = missing.len() as u64;
        let names_a_number = !started.was_refused || started.told.is_some();
        let round = Round {
            state: ending.name(),
            harms,
            held,
            missing,
            told: names_a_number.then_some(told),
            was_refused: started.was_refused,
            ended_after,
            ready_after: started.ready_after,
            whole: began.elapsed(),
        };
        self.summary.add(number, &round);
        if missing > held && !is_of_store {
            self.summary.complain([format!("{missing} are missing, and the spool held {held}")]);
        }
        if missing > told && names_a_number {
            self.summary.complain([format!("{missing} are missing, and {told} were told to be")]);
        }
        if missing > 0 && !started.was_refused && health["status"] != "degraded" {
            self.summary.complain([format!("{missing} are missing, and /health says {health}")]);
        }
        if !site.state.is_ready() {
            self.summary.complain(["the server started and is not ready".to_owned()]);
        }
        self.probe(site, &mut rng, number)?;
        let (_, findings) = settle(&site.ledger, &started.witness, &site.ledger.rounds(), PATIENCE)?;
        self.summary.add_findings(&findings);
        self.summary.complain(site.ledger.wrong_firsts(1));
        if findings != Findings::default() {
            print!("{}", site.state.log_from(at));
        }
        Ok(())
    }

    /// Sends, and ends the server. The number of events that its spool holds, if that is known.
    fn load_and_end(
        &mut self,
        site: &mut Site,
        rng: &mut Rng,
        number: u32,
        ending: Ending,
    ) -> Result<Option<u64>> {
        if ending == Ending::Waiting {
            site.subject.signal_engines(Signal::STOP)?;
        }
        let reporter = |index: u16| Reporter::new(index.into(), choice::MANNER, site.subject.address());
        let load = Load::start((0..REPORTERS).map(reporter).collect(), self.seed, number);
        wait(Duration::from_millis(rng.u64(LOAD_MS)))?;
        if ending == Ending::Loaded {
            site.subject.take_down(Victim::Both)?;
        }
        let (_, harvest) = load.end()?;
        harvest.sent.into_iter().for_each(|(event, fate)| site.ledger.enter(&event, fate));
        self.summary.complain(harvest.complaints);
        interrupt::check()?;
        let held = match ending {
            Ending::Loaded => None,
            Ending::Waiting => Some(site.state.waiting()?),
            Ending::Idle | Ending::Stopped => {
                site.drained()?;
                Some(0)
            }
        };
        match ending {
            Ending::Loaded => {}
            Ending::Waiting | Ending::Idle => site.subject.take_down(Victim::Both)?,
            Ending::Stopped => site.subject.stop()?,
        }
        site.subject.no_engine_left()?;
        Ok(held)
    }

    fn harm(&mut self, site: &Site, rng: &mut Rng) -> Result<Vec<harm::Done>> {
        let count = if rng.u8(0..100) < SECOND_HARM_PERCENT { 2 } else { 1 };
        let mut harms = Vec::new();
        for _ in 0..HARM_ATTEMPTS {
            let harm = Harm::any(rng);
            // Who puts back an older copy of everything, or leaves nothing newer, gets what there was: nobody can tell.
            let before: Vec<_> = harms.iter().map(|done: &harm::Done| done.harm).collect();
            if before.iter().any(|before| harm.hides(*before) || before.hides(harm)) {
                continue;
            }
            harms.extend(harm.inflict(rng, &site.data, &site.older)?);
            if harms.len() == count {
                break;
            }
        }
        Ok(harms)
    }

    /// Reports errors of issues that may be known.
    fn probe(&mut self, site: &mut Site, rng: &mut Rng, number: u32) -> Result<()> {
        let client = Client::new(site.subject.address());
        for sequence in 0..PROBES {
            let event = Event::error(number, usize::from(REPORTERS), sequence, rng.u32(0..choice::ISSUES));
            let post = Post::report(event, false, false);
            let fate = match client.post(post.path, None, &post.body) {
                Reply::Answered(answer) => {
                    let (fate, complaint) = post.judge(&answer);
                    self.summary.complain(complaint);
                    fate
                }
                other => {
                    interrupt::check()?;
                    self.summary.complain([format!("a report after the start was answered {other:?}")]);
                    Fate::Unclear
                }
            };
            post.events.iter().for_each(|event| site.ledger.enter(event, fate));
        }
        Ok(())
    }
}
