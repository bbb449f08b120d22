//! The figures with everything that they depend on, as a table to read and as JSON to compare.

use crate::fault::Fault;
use crate::program::{Load, Outcome};
use anyhow::{Context, Result};
use log_center_benches::machine::Machine;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A run of all.
#[derive(Debug, Serialize)]
pub(crate) struct LayerFaults {
    /// When it began, UTC.
    pub(crate) started_at: String,
    /// The machine that everything ran on.
    pub(crate) machine: Machine,
    /// The command, to be repeated.
    pub(crate) command: String,
    /// The state of the project, as git describes it.
    pub(crate) commit: String,
    /// The compiler.
    pub(crate) rustc: String,
    /// Events in each run at full speed.
    pub(crate) events: u64,
    /// Events a second, where they came at a steady rate.
    pub(crate) rate: u64,
    /// Seconds of each such run.
    pub(crate) seconds: u64,
    /// Runs of each kind.
    pub(crate) runs: usize,
    /// One for each fault and load.
    pub(crate) rows: Vec<Row>,
}

/// What one fault costs.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    fault: &'static str,
    load: &'static str,
    /// The median of each figure.
    outcome: Outcome,
}

impl Row {
    pub(crate) fn new(fault: Fault, load: Load, outcomes: &[Outcome]) -> Self {
        let median = |figure: fn(&Outcome) -> u64| {
            let mut figures: Vec<u64> = outcomes.iter().map(figure).collect();
            figures.sort_unstable();
            figures.get(figures.len() / 2).copied().unwrap_or_default()
        };
        let outcome = Outcome {
            p50_ns: median(|outcome| outcome.p50_ns),
            p99_ns: median(|outcome| outcome.p99_ns),
            p999_ns: median(|outcome| outcome.p999_ns),
            max_ns: median(|outcome| outcome.max_ns),
            offered: median(|outcome| outcome.offered),
            accepted: median(|outcome| outcome.accepted),
            waiting: median(|outcome| outcome.waiting),
            lost: median(|outcome| outcome.lost),
        };
        Self { fault: fault.title(), load: load.title(), outcome }
    }
}

impl LayerFaults {
    pub(crate) fn markdown(&self) -> String {
        let Machine { cpu, cores, memory_mb, kernel, load_average } = &self.machine;
        let mut text = format!(
            "# The layer: what a server in trouble costs the program\n\n\
             - {}, {cpu}, {cores} cores, {memory_mb} MB, {kernel}, load average before: {load_average}\n\
             - `{}`\n\
             - commit {}, {}\n\
             - {} events at full speed, or {} a second for {} s, one in ten an ERROR, all of them to be sent; nanoseconds a \
             call, the median of {} runs. How to read it: `benches/README.md`\n",
            self.started_at,
            self.command,
            self.commit,
            self.rustc,
            self.events,
            self.rate,
            self.seconds,
            self.runs,
        );
        for load in [Load::Steady, Load::Full] {
            let _infallible = write!(
                text,
                "\n## At {}\n\n| the server | p50 ns | p99 ns | p99.9 ns | max µs | offered | accepted | waiting | lost |\n\
                 |---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
                load.title()
            );
            for Row { fault, outcome, .. } in self.rows.iter().filter(|row| row.load == load.title()) {
                let Outcome { p50_ns, p99_ns, p999_ns, max_ns, offered, accepted, waiting, lost } = outcome;
                let max_us = max_ns / 1000;
                let _infallible = writeln!(
                    text,
                    "| {fault} | {p50_ns} | {p99_ns} | {p999_ns} | {max_us} | {offered} | {accepted} | {waiting} | {lost} |"
                );
            }
        }
        text
    }

    /// Writes `<name>.md` and `<name>.json` into `directory` and names the first.
    pub(crate) fn write(&self, directory: &Path, name: &str) -> Result<PathBuf> {
        std::fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
        let path = directory.join(format!("{name}.md"));
        let json = serde_json::to_string_pretty(self)? + "\n";
        for (path, text) in [(path.with_extension("json"), json), (path.clone(), self.markdown())] {
            std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(path)
    }
}
