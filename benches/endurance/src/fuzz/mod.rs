//! `layer-endurance fuzz`: random events, each line compared with what was meant.
//!
//! The seed decides the callsites; seed and number decide an episode ([`episode`]), whichever thread runs it and
//! whenever. So a finding is repeated by its two numbers. The layer is the program's global subscriber, as in a real
//! program; its writer keeps the lines of each thread apart ([`lines`]), so that every event is compared
//! ([`check`]) with its model ([`model`]) at once.

mod check;
mod episode;
mod failure;
mod lines;
mod model;
mod partner;
mod site;
mod text;
mod value;

use crate::progress::Progress;
use anyhow::{Context, Result, bail};
use check::{Extra, Identity};
use episode::{Episode, Finding};
use fastrand::Rng;
use lines::Lines;
use partner::Partner;
use site::Sites;
use std::panic;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use tracing_subscriber::prelude::*;
use value::PANIC;

/// What to run.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many events, at the least
    #[arg(long, default_value_t = 10_000_000)]
    events: u64,
    /// Threads; each has a partner, which opens, records, logs and closes in its spans
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..))]
    threads: u8,
    /// What decides everything [default: random]
    #[arg(long)]
    seed: Option<u64>,
    /// How `extra` is written
    #[arg(long, default_value = "text")]
    extra: Extra,
    /// Run only the episode of this number, as a finding names it
    #[arg(long)]
    episode: Option<u64>,
}

struct Run {
    identity: Identity,
    seed: u64,
    sites: Sites,
    goal: u64,
    next: AtomicU64,
    events: AtomicU64,
    stop: AtomicBool,
    finding: Mutex<Option<(u64, Finding)>>,
}

/// Runs until the goal or the first finding.
pub(crate) fn run(args: &Args) -> Result<()> {
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..));
    println!("--seed {seed}, {} events, {} threads, extra as {:?}", args.events, args.threads, args.extra);
    let identity =
        Identity { name: "fuzz \"é\"", environment: "testing", version: "1.0", extra: args.extra };
    let builder = log_center::layer(identity.name);
    let builder = if args.extra == Extra::Object { builder.extra_as_object() } else { builder };
    let (layer, guard) = builder
        .environment(identity.environment)
        .version(identity.version)
        .without_endpoint()
        .trace(true)
        // Both are told on top of the event, and of the place and not of the event.
        .report_formatted_messages(false)
        .backtraces(false)
        .writer(|| Lines)
        .build()?;
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))?;
    silence_planned_panics();

    let run = Run {
        identity,
        seed,
        sites: Sites::any(&mut Rng::with_seed(seed)),
        goal: args.episode.map_or(args.events, |_| 1),
        next: AtomicU64::new(args.episode.unwrap_or(0)),
        events: AtomicU64::new(0),
        stop: AtomicBool::new(false),
        finding: Mutex::new(None),
    };
    let threads = if args.episode.is_some() { 1 } else { args.threads };
    let mut progress = Progress::new("events", run.goal);
    thread::scope(|scope| {
        let fuzzing: Vec<_> = (0..threads).map(|_| scope.spawn(|| run.fuzz())).collect();
        while !fuzzing.iter().all(thread::ScopedJoinHandle::is_finished) {
            progress.show(run.events.load(Ordering::Relaxed));
            thread::park_timeout(Progress::INTERVAL);
        }
        fuzzing.into_iter().try_for_each(|thread| thread.join())
    })
    .map_err(|_| anyhow::anyhow!("a thread has panicked; --seed {seed}"))?;
    let (events, counts) = (run.events.load(Ordering::Relaxed), guard.counts());
    if let Some((episode, finding)) = run.finding.into_inner().context("a thread has panicked")? {
        let Finding { complaint, line, plan } = finding;
        println!("line: {line}\nmeant: {plan}");
        bail!("{complaint}; again: fuzz --seed {seed} --episode {episode}, with the same --extra");
    }
    println!(
        "{events} events in {} episodes without a finding; {:?}; {counts:?}",
        run.next.into_inner(),
        check::SEEN
    );
    if args.episode.is_none() && (counts.written != events || counts.unwritten + counts.nested > 0) {
        bail!("{events} events were checked, and the layer counts {counts:?}");
    }
    Ok(())
}

impl Run {
    fn fuzz(&self) {
        // A finding or a panic here ends the others, too.
        let _stop = StopWhenDropped(&self.stop);
        let partner = Partner::start();
        while !self.stop.load(Ordering::Relaxed) && self.events.load(Ordering::Relaxed) < self.goal {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let mut episode = Episode::new(self.seed ^ hash(number), &self.sites, &self.identity, &partner);
            let result = episode.run();
            self.events.fetch_add(episode.events, Ordering::Relaxed);
            if let Err(finding) = result {
                if let Ok(mut first) = self.finding.lock() {
                    first.get_or_insert((number, finding));
                }
                return self.stop.store(true, Ordering::Relaxed);
            }
        }
    }
}

struct StopWhenDropped<'a>(&'a AtomicBool);

impl Drop for StopWhenDropped<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// Neighbouring numbers as far apart as any others.
fn hash(number: u64) -> u64 {
    number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31)
}

/// The panics of hostile values are part of the plan; every other is told as usual.
fn silence_planned_panics() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if info.payload().downcast_ref::<&str>() != Some(&PANIC) {
            usual(info);
        }
    }));
}
