//! Figures with everything that they depend on, as a table to read and as JSON to compare.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::machine::Machine;

/// A run of `report-load`.
#[derive(Debug, Serialize)]
pub struct ReportLoad {
    /// When it began, UTC.
    pub started_at: String,
    /// The machine that everything ran on.
    pub machine: Machine,
    /// The command, to be repeated.
    pub command: String,
    /// What the server says to `--version`.
    pub server_version: String,
    /// The state of the project, as git describes it.
    pub commit: String,
    /// Version of ClickHouse.
    pub clickhouse_version: String,
    /// Mean length of a body, in bytes.
    pub body_bytes: usize,
    /// Seconds that were not measured, at the beginning of each row.
    pub warm_up_s: f64,
    /// Seconds that were.
    pub duration_s: f64,
    /// One row for each number of connections.
    pub rows: Vec<Row>,
}

/// What was measured with so many connections.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Connections, each with one request under way.
    pub connections: usize,
    /// Acknowledged reports a second.
    pub reports_per_s: f64,
    /// Half of the answers came within this time.
    pub p50_ms: f64,
    /// 99 of 100 did.
    pub p99_ms: f64,
    /// All did.
    pub max_ms: f64,
    /// Wrong answers and broken connections.
    pub errors: u64,
    /// Acknowledged, warm-up included.
    pub acknowledged: u64,
    /// Counted in the view `issues`; has to be the same number.
    pub counted: u64,
    /// Rows in the view `events`; has to be the same number.
    pub events: u64,
    /// From the last answer until all were counted; `None` if that never happened.
    pub visible_after_ms: Option<u64>,
    /// Highest resident memory of server and engine, in bytes; `None` if the server was not started here.
    pub server_rss_bytes: Option<u64>,
    /// Of the engine.
    pub engine_rss_bytes: Option<u64>,
    /// Processor time of the server for each acknowledged report, in microseconds; the wait for ClickHouse included.
    pub server_cpu_us: Option<f64>,
    /// Of the engine.
    pub engine_cpu_us: Option<f64>,
    /// Of the load generator itself.
    pub generator_cpu_us: f64,
    /// Processors that the three kept busy on average.
    pub cpus_busy: f64,
}

impl ReportLoad {
    /// The table with everything around it, as Markdown.
    pub fn markdown(&self) -> String {
        let Machine { cpu, cores, memory_mb, kernel, load_average } = &self.machine;
        let mut text = String::new();
        let _infallible = write!(
            text,
            "# Error reports: closed loop, durable before the answer, counted in ClickHouse\n\n\
             - {}, {cpu}, {cores} cores, {memory_mb} MB, {kernel}; load generator on the same machine, load average before: {load_average}\n\
             - `{}`\n\
             - {}, commit {}, ClickHouse {}\n\
             - bodies of {} bytes (mean), {} s warm-up, {} s measured\n\n\
             | connections | reports/s | p50 ms | p99 ms | max ms | errors | acknowledged | counted in ClickHouse \
             | visible after ms | server MB | engine MB | CPU µs a report: server / engine / generator | CPUs busy |\n\
             |--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
            self.started_at,
            self.command,
            self.server_version,
            self.commit,
            self.clickhouse_version,
            self.body_bytes,
            self.warm_up_s,
            self.duration_s,
        );
        for row in &self.rows {
            let megabytes = |bytes: Option<u64>| optional(bytes.map(|bytes| bytes >> 20));
            let micros = |time: Option<f64>| optional(time.map(|time| format!("{time:.0}")));
            let _infallible = writeln!(
                text,
                "| {} | {:.0} | {:.2} | {:.2} | {:.1} | {} | {} | {} | {} | {} | {} | {} / {} / {:.0} | {:.1} |",
                row.connections,
                row.reports_per_s,
                row.p50_ms,
                row.p99_ms,
                row.max_ms,
                row.errors,
                row.acknowledged,
                row.counted,
                optional(row.visible_after_ms),
                megabytes(row.server_rss_bytes),
                megabytes(row.engine_rss_bytes),
                micros(row.server_cpu_us),
                micros(row.engine_cpu_us),
                row.generator_cpu_us,
                row.cpus_busy,
            );
        }
        text
    }

    /// Writes `<name>.md` and `<name>.json` into `directory` and names the first.
    pub fn write(&self, directory: &Path, name: &str) -> Result<PathBuf> {
        std::fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
        let path = directory.join(format!("{name}.md"));
        let json = serde_json::to_string_pretty(self)? + "\n";
        for (path, text) in [(path.with_extension("json"), json), (path.clone(), self.markdown())] {
            std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(path)
    }
}

fn optional(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| value.to_string())
}

/// Figures with names, in the order in which they were said.
#[derive(Debug, Serialize)]
pub struct Figures {
    title: String,
    figures: Vec<(String, String)>,
}

impl Figures {
    /// None yet.
    pub fn new(title: &str) -> Self {
        Self { title: title.to_owned(), figures: Vec::new() }
    }

    /// Adds one.
    pub fn say(&mut self, name: &str, value: impl ToString) {
        self.figures.push((name.to_owned(), value.to_string()));
    }

    /// A table of two columns.
    pub fn markdown(&self) -> String {
        let rows = self.figures.iter().map(|(name, value)| format!("| {name} | {value} |\n"));
        format!("# {}\n\n| | |\n|---|---|\n{}", self.title, rows.collect::<String>())
    }
}

/// Writes `<name>.md` and `<name>.json` beside the other results and names the first.
pub fn write_figures(figures: &Figures, name: &str) -> Result<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("results").join(format!("{name}.md"));
    std::fs::write(path.with_extension("json"), serde_json::to_string_pretty(figures)? + "\n")?;
    std::fs::write(&path, figures.markdown())?;
    Ok(path)
}
