//! How it is measured: instructions by callgrind, everything else by this program in a process of its own.

use crate::subject::Subject;
use crate::workload::Workload;
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use stats_alloc::{Region, StatsAlloc};
use std::alloc::System;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Counts every allocation of the process. It costs its process a few instructions for each.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &stats_alloc::INSTRUMENTED_SYSTEM;

/// Instructions are the difference between these two runs, so that starting and warming up cancel out.
const FEW: u32 = 250;
const MANY: u32 = 1_250;

/// Events before anything is timed or allocations are counted.
const WARM_UP: u32 = 1_000;

/// Events of which allocations are counted.
const COUNTED: u32 = 1_000;

/// Events in each timed run.
const TIMED: u32 = 10_000;

/// Timed runs; their median counts.
const RUNS: usize = 11;

/// What one event costs the thread that it comes from.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Cost {
    /// Instructions in user space.
    pub(crate) instructions: f64,
    /// Allocations and reallocations.
    pub(crate) allocations: f64,
    /// Nanoseconds, the median of several runs.
    pub(crate) ns: f64,
}

/// What a process finds out about itself.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Clocked {
    allocations: f64,
    ns: f64,
}

/// Measures one cell of the table in processes of their own.
pub(crate) fn cost(program: &Path, subject: Subject, workload: Workload) -> Result<Cost> {
    let few = instructions(program, subject, workload, FEW)?;
    let many = instructions(program, subject, workload, MANY)?;
    let output = without_backtraces(Command::new(program))
        .args(["clock", subject.argument(), workload.letter()])
        .output()
        .context("cannot start the program again")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let Clocked { allocations, ns } = serde_json::from_slice(&output.stdout)?;
    Ok(Cost { instructions: (many - few) / f64::from(MANY - FEW), allocations, ns })
}

/// Instructions of the main thread of a whole process.
fn instructions(program: &Path, subject: Subject, workload: Workload, events: u32) -> Result<f64> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("callgrind");
    let output = without_backtraces(Command::new("valgrind"))
        .args(["--tool=callgrind", "--separate-threads=yes"])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(program)
        .args(["run", subject.argument(), workload.letter(), &events.to_string()])
        .output()
        .context("cannot start valgrind, which has to be installed")?;
    ensure!(output.status.success(), "valgrind: {}", String::from_utf8_lossy(&output.stderr));
    let main_thread = file.with_extension("").with_file_name("callgrind-01");
    let text = std::fs::read_to_string(main_thread).context("callgrind wrote no figures")?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
    Ok(total.context("callgrind's figures have no total")?.trim().parse()?)
}

/// Errors are measured without a backtrace to each of them, whatever the environment asks for.
fn without_backtraces(mut command: Command) -> Command {
    command.env_remove("RUST_BACKTRACE").env_remove("RUST_LIB_BACKTRACE");
    command
}

/// Counts allocations and takes the time, in this process.
pub(crate) fn clock(workload: Workload) -> Clocked {
    workload.run(WARM_UP);
    let region = Region::new(ALLOCATOR);
    workload.run(COUNTED);
    let change = region.change();
    let mut times: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            workload.run(TIMED);
            start.elapsed().as_nanos() as f64 / f64::from(TIMED)
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let allocations = (change.allocations + change.reallocations) as f64 / f64::from(COUNTED);
    Clocked { allocations, ns: times[RUNS / 2] }
}
