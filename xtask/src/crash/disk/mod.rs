//! `cargo xtask disk`: fills the disk of a running server at random moments and counts what was acknowledged.
//!
//! The data directory is on a small [volume](mount). A round: reporters send batches with much text, and some reports; two
//! to four times a [filler] takes the last block of the disk for a while. Under the last of these the load ends, and the
//! filler is removed: from then on the clock runs. The server has to be ready soon, though nobody posts, and every
//! acknowledged event has to be there once, in all tables, with all its columns, and nothing may wait in the spool. What
//! was answered with 503 must not be there.
//!
//! A volume lasts for a few rounds; then the server is stopped in the orderly way and started once more, and
//! everything is compared again. Nothing stays behind: no process, no volume. After a failure data and log are kept.

mod choice;
mod filler;
mod mount;
mod state;
mod summary;

pub(super) use mount::copy_all;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use self::filler::Filler;
use self::mount::{Filesystem, Volume};
use self::state::State;
use self::summary::{Round, Summary};
use super::ledger::Ledger;
use super::place::{Place, Tested};
use super::reporter::{Load, Reporter};
use super::settle::settle;
use super::subject::Subject;
use super::witness::Witness;
use super::{plan, wait};
use crate::interrupt;

/// How long after there is room again the server may take to be ready.
const READY_DEADLINE: Duration = Duration::from_secs(5);

/// How long the harness waits for what is late, so as to tell late from lost.
const PATIENCE: Duration = Duration::from_secs(60);

/// Rounds on one volume: it must not be filled by its own data.
const ROUNDS_A_VOLUME: u32 = 5;

/// With less room than this no round begins, and with less than the other one no load goes on, in bytes.
const ROOM_FOR_A_ROUND: u64 = 350 << 20;
const ROOM_FOR_LOAD: u64 = 200 << 20;

/// How often the disk is full in a round.
const FILLS: std::ops::RangeInclusive<usize> = 2..=4;

/// How long there is room before that, and how long there is none, in milliseconds.
const ROOM_MS: std::ops::RangeInclusive<u64> = 300..=1_700;
const FULL_MS: std::ops::RangeInclusive<u64> = 300..=1_500;

/// What to fill, and how often.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The kind of file system that is filled; mounting it needs root
    #[arg(long, default_value = "tmpfs")]
    filesystem: Filesystem,
    /// Rounds of load, full disk, room and count
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rounds: u32,
    /// What decides when the disk is full, and what is sent; printed, so that a run can be repeated [default: random]
    #[arg(long)]
    seed: Option<u64>,
    /// Connections that report at the same time
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=16))]
    reporters: u16,
    /// Everything has to be visible this many seconds after there is room again
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=60))]
    deadline_seconds: u64,
    #[command(flatten)]
    tested: Tested,
}

/// Runs the rounds and fails if one event was lost, counted twice, or late.
pub(crate) fn run(args: Args) -> Result<()> {
    if let Err(error) = try_to_mount(args.filesystem) {
        println!("skipped: a {:?} cannot be mounted here, which needs root: {error:#}", args.filesystem);
        return Ok(());
    }
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..));
    let place = Place::new("log-center-disk-", args.tested.clone())?;
    println!(
        "{} rounds on {:?}, {} reporters, --seed {seed}, in {}",
        args.rounds,
        args.filesystem,
        args.reporters,
        place.path().display()
    );
    let mut run = Run { args, seed, summary: Summary::default() };
    let outcome = run.all_rounds(&place);
    run.summary.complain(place.panics());
    run.summary.print();
    match outcome {
        Ok(()) if run.summary.is_clean() => Ok(()),
        Err(error) if error.is::<interrupt::Interrupted>() => Err(error),
        Err(error) => Err(error.context(format!("--seed {seed}; {}", place.keep()))),
        Ok(()) => bail!("not everything was counted once and in time (--seed {seed}); {}", place.keep()),
    }
}

fn try_to_mount(filesystem: Filesystem) -> Result<()> {
    let within = tempfile::tempdir().context("cannot make a directory")?;
    Volume::new(filesystem, within.path()).map(drop)
}

struct Run {
    args: Args,
    seed: u64,
    summary: Summary,
}

/// A server on its volume, and the account of what it got. The server goes before the volume.
struct Site {
    subject: Subject,
    state: State,
    reporters: Vec<Reporter>,
    ledger: Ledger,
    put_aside: u64,
    volume: Volume,
}

impl Run {
    fn all_rounds(&mut self, place: &Place) -> Result<()> {
        let mut number = 0;
        while number < self.args.rounds {
            let volume = Volume::new(self.args.filesystem, place.path())?;
            let mut options = place.options();
            options.data_dir = volume.path().join("data");
            let subject = Subject::new(options);
            let reporter = |index: u16| Reporter::new(index.into(), choice::MANNER, subject.address());
            let reporters = (0..self.args.reporters).map(reporter).collect();
            let state = State::new(subject.address());
            let mut site =
                Site { subject, state, reporters, ledger: Ledger::default(), put_aside: 0, volume };
            let outcome = self.rounds_of_a_volume(&mut site, &mut number);
            self.summary.add_volume(site.ledger.totals(), site.put_aside);
            let is_interrupted = interrupt::requested();
            let Site { subject, volume, .. } = site;
            drop(subject);
            if !is_interrupted && (outcome.is_err() || !self.summary.is_clean()) {
                copy_all(&volume.path().join("data"), &place.path().join("data"))?;
                return outcome;
            }
            outcome?;
        }
        Ok(())
    }

    /// Counts `number` on.
    fn rounds_of_a_volume(&mut self, site: &mut Site, number: &mut u32) -> Result<()> {
        site.subject.begin_start();
        let mut witness = self.recovered(site)?;
        for round_of_volume in 0..ROUNDS_A_VOLUME.min(self.args.rounds - *number) {
            if round_of_volume > 0 && site.volume.free_bytes()? < ROOM_FOR_A_ROUND {
                break;
            }
            let round = self.round(site, *number, &witness).with_context(|| format!("round {number}"))?;
            witness = self.recovered(site)?;
            site.put_aside = site.state.parts_put_aside()?;
            let deadline = Duration::from_secs(self.args.deadline_seconds);
            self.summary.add(*number, &round, deadline, site.ledger.totals(), site.put_aside);
            *number += 1;
        }
        site.subject.stop().context("after the last round")?;
        site.subject.begin_start();
        let witness = self.recovered(site)?;
        let (_, findings) = settle(&site.ledger, &witness, &site.ledger.rounds(), PATIENCE)?;
        if !findings.is_clean() {
            println!("after an orderly restart:");
        }
        self.summary.add_findings(&findings);
        witness.read_every_column().context("after an orderly restart")?;
        self.summary.complain(site.ledger.wrong_firsts(1));
        site.subject.stop()?;
        site.subject.no_engine_left()
    }

    fn round(&mut self, site: &mut Site, number: u32, witness: &Witness) -> Result<Round> {
        let mut rng = plan::random(self.seed, number, 0);
        let load = Load::start(std::mem::take(&mut site.reporters), self.seed, number);
        let planned = rng.usize(FILLS);
        let mut fills = 0;
        let filler = loop {
            wait(Duration::from_millis(rng.u64(ROOM_MS)))?;
            fills += 1;
            // Without room for more data the round ends earlier.
            let is_last = fills == planned || site.volume.free_bytes()? < ROOM_FOR_LOAD;
            let filler = Filler::start(site.volume.path())?;
            wait(Duration::from_millis(rng.u64(FULL_MS)))?;
            if is_last {
                break filler;
            }
            filler.remove()?;
        };
        let (reporters, harvest) = load.end()?;
        site.reporters = reporters;
        harvest.sent.into_iter().for_each(|(event, fate)| site.ledger.enter(&event, fate));
        self.summary.complain(harvest.complaints);
        let was_unready = !site.state.is_ready();
        let room_since = filler.remove()?;

        let ready = interrupt::poll(room_since + PATIENCE, || site.state.is_ready().then(Instant::now));
        let (visible, findings) = settle(&site.ledger, witness, &[number], PATIENCE)?;
        let complete = interrupt::poll(room_since + PATIENCE, || {
            let is_empty = || site.state.spool_entries().is_ok_and(|entries| entries == 0);
            // Ready once more: the spool may have failed after it had said so the first time.
            let is_complete = is_empty() && witness.read_every_column().is_ok() && site.state.is_ready();
            is_complete.then(Instant::now)
        });
        interrupt::check()?;
        Ok(Round {
            fills,
            was_unready,
            ready_after: ready.map(|at| at.duration_since(room_since)),
            visible_after: visible.and(complete).map(|at| at.duration_since(room_since)),
            findings,
        })
    }

    fn recovered(&mut self, site: &mut Site) -> Result<Witness> {
        let mut complaints = Vec::new();
        let witness = site.subject.recovered(&mut complaints);
        self.summary.complain(complaints);
        witness
    }
}
