//! `layer-endurance soak`: full speed for long, with a server that is not there.
//!
//! Each subject is a layer of its own, in one of the modes and with one of the servers; all of them live in this one
//! process, and one thread logs to them in turn. Memory has to stay where it is after the first tenth of the time and
//! below what the queues and recorders may take, and in the end every event has to be accounted for.

mod memory;
mod server;
mod subject;

use anyhow::{Result, ensure};
use clap::ValueEnum;
use log_center::limits::{QUEUE_BYTES, RECORDER_BYTES};
use server::{Server, Servers};
use std::time::{Duration, Instant};
use subject::{Mode, Subject};

/// What to run.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How long
    #[arg(long, default_value_t = 20.0)]
    minutes: f64,
    /// Only this mode; may be given several times [default: all of them]
    #[arg(long)]
    mode: Vec<Mode>,
    /// Only this kind of server; may be given several times [default: all of them]
    #[arg(long)]
    server: Vec<Server>,
}

/// Requests that one subject makes before it is the next one's turn.
const TURN: usize = 200;

/// Between two looks at the memory.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// What the memory may grow by after it has settled: buffers that happen to be in use at the same moment.
const JITTER_BYTES: u64 = 16 << 20;

/// Memory beyond queues and recorders that a subject may take: what is on its way, compressed and not, and the buffers
/// of its thread.
const SUBJECT_BYTES: usize = 4 << 20;

/// Runs for the time, prints a row a minute, and fails if memory grew or an event is not accounted for.
pub(crate) fn run(args: &Args) -> Result<()> {
    let servers = Servers::start()?;
    let modes = if args.mode.is_empty() { Mode::value_variants() } else { &args.mode };
    let kinds = if args.server.is_empty() { Server::value_variants() } else { &args.server };
    let at_start = memory::resident_bytes()?;
    let mut subjects = Vec::new();
    for &mode in modes {
        for &kind in kinds {
            subjects.push(Subject::start(mode, kind, &servers.url(kind))?);
        }
    }
    let cap =
        subjects.iter().map(|subject| cap_of(subject.mode)).sum::<usize>() as u64 + at_start + JITTER_BYTES;
    let time = Duration::from_secs_f64(60.0 * args.minutes);
    let memory = log_for(time, &mut subjects)?;

    subjects.iter_mut().for_each(Subject::finish);
    println!("\n{}", Subject::HEADING);
    subjects.iter().for_each(|subject| println!("{}", subject.row()));
    println!(
        "\nmemory: {} at the start, {} settled, {} at most, cap {}",
        mib(at_start),
        mib(memory.settled),
        mib(memory.most),
        mib(cap)
    );
    for subject in &subjects {
        subject.check()?;
    }
    ensure!(memory.most <= cap, "the memory went over the cap");
    ensure!(memory.most <= memory.settled + JITTER_BYTES, "the memory grew after it had settled");
    println!("every event is accounted for, and the memory stayed flat");
    Ok(())
}

fn cap_of(mode: Mode) -> usize {
    let recorder = if mode == Mode::OnError { RECORDER_BYTES } else { 0 };
    QUEUE_BYTES + recorder + SUBJECT_BYTES
}

/// Resident bytes.
#[derive(Default)]
struct Memory {
    /// When a tenth of the time was over.
    settled: u64,
    /// The most after that.
    most: u64,
}

fn log_for(time: Duration, subjects: &mut [Subject]) -> Result<Memory> {
    println!("| minute | events | events/s | MiB | offered | lost |\n|--:|--:|--:|--:|--:|--:|");
    let started = Instant::now();
    let (mut memory, mut minutes, mut look_at) = (Memory::default(), 0, started);
    while started.elapsed() < time {
        for subject in &mut *subjects {
            subject.log(TURN);
        }
        let now = Instant::now();
        if now < look_at {
            continue;
        }
        look_at = now + BETWEEN_LOOKS;
        let resident = memory::resident_bytes()?;
        let elapsed = started.elapsed();
        if elapsed < time / 10 {
            memory.settled = memory.settled.max(resident);
        } else {
            memory.most = memory.most.max(resident);
        }
        if elapsed.as_secs() / 60 >= minutes {
            print_row(elapsed, resident, subjects);
            minutes = elapsed.as_secs() / 60 + 1;
        }
    }
    print_row(started.elapsed(), memory::resident_bytes()?, subjects);
    Ok(memory)
}

fn print_row(elapsed: Duration, resident: u64, subjects: &[Subject]) {
    let seconds = elapsed.as_secs_f64();
    let events: u64 = subjects.iter().map(Subject::events).sum();
    let (offered, lost) =
        subjects.iter().map(Subject::fate).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    let rate = events as f64 / seconds;
    println!("| {:.1} | {events} | {rate:.0} | {} | {offered} | {lost} |", seconds / 60.0, mib(resident));
}

fn mib(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / f64::from(1 << 20))
}
