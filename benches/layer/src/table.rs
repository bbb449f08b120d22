//! The figures with everything that they depend on, as a table to read and as JSON to compare.

use crate::measure::Cost;
use crate::subject::Subject;
use crate::workload::Workload;
use anyhow::{Context, Result};
use log_center_benches::machine::Machine;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Instructions an event that the layer is meant to stay below, by workload.
const TARGETS: [u32; Workload::ALL.len()] = [2_100, 2_700, 3_000, 2_600, 29, 10_000, 4_500];

/// The same for an error that is forwarded too.
const FORWARDED_TARGET: u32 = 3_200;

/// Allocations an event, likewise.
const ALLOCATION_TARGETS: [u32; Workload::ALL.len()] = [0, 0, 2, 0, 0, 6, 0];

/// A run of all.
#[derive(Debug, Serialize)]
pub(crate) struct LayerCost {
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
    /// The counter of instructions.
    pub(crate) valgrind: String,
    /// One for each subject.
    pub(crate) rows: Vec<Row>,
}

/// What one subject costs.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    /// Name and version.
    pub(crate) title: String,
    /// By workload; `None` where it was not measured.
    pub(crate) costs: Vec<(&'static str, Option<Cost>)>,
}

impl Row {
    pub(crate) fn new(subject: Subject, costs: Vec<Option<Cost>>) -> Self {
        let (name, package) = subject.title();
        let version = package.and_then(version_of).map(|version| format!(" {version}")).unwrap_or_default();
        let letters = Workload::ALL.map(Workload::letter);
        Self { title: name.to_owned() + &version, costs: letters.into_iter().zip(costs).collect() }
    }
}

/// The version of a package in the lock file that this program was built with.
fn version_of(package: &str) -> Option<&'static str> {
    let (_, entry) =
        include_str!("../../Cargo.lock").split_once(&format!("name = \"{package}\"\nversion = \""))?;
    entry.split('"').next()
}

impl LayerCost {
    pub(crate) fn markdown(&self) -> String {
        let Machine { cpu, cores, memory_mb, kernel, load_average } = &self.machine;
        let mut text = format!(
            "# The layer: cost of one event\n\n\
             - {}, {cpu}, {cores} cores, {memory_mb} MB, {kernel}, load average before: {load_average}\n\
             - `{}`\n\
             - commit {}, {}, {}\n\
             - Built with fat LTO and one codegen unit; without, each subject takes some ten percent more\n\
             - The writer discards behind a mutex; every subject filters at INFO. What the workloads are: `benches/README.md`\n",
            self.started_at, self.command, self.commit, self.rustc, self.valgrind,
        );
        let targets = |figures: &[u32]| figures.iter().map(|figure| Some(f64::from(*figure))).collect();
        let mut target_rows: Vec<(&str, Vec<Option<f64>>)> = vec![("*target*", targets(&TARGETS))];
        let forwarded =
            Workload::ALL.map(|workload| (workload == Workload::D).then_some(f64::from(FORWARDED_TARGET)));
        target_rows.push(("*target, forwarding errors*", forwarded.to_vec()));
        self.table(&mut text, "Instructions an event", 0, |cost| cost.instructions, &target_rows);
        let target_rows = [("*target, at most*", targets(&ALLOCATION_TARGETS))];
        self.table(&mut text, "Allocations an event", 2, |cost| cost.allocations, &target_rows);
        self.table(&mut text, "Nanoseconds an event", 0, |cost| cost.ns, &[]);
        text
    }

    fn table(
        &self,
        text: &mut String,
        title: &str,
        decimals: usize,
        figure: fn(&Cost) -> f64,
        targets: &[(&str, Vec<Option<f64>>)],
    ) {
        let letters = Workload::ALL.map(Workload::letter).join(" | ");
        let rule = "--:|".repeat(Workload::ALL.len());
        let _infallible = write!(text, "\n## {title}\n\n| subject | {letters} |\n|---|{rule}\n");
        let rows = self.rows.iter().map(|row| {
            let figures = row.costs.iter().map(|(_, cost)| cost.as_ref().map(figure)).collect();
            (row.title.as_str(), figures)
        });
        for (name, figures) in rows.chain(targets.iter().map(|(name, figures)| (*name, figures.clone()))) {
            let _infallible = write!(text, "| {name} |");
            for figure in figures {
                let _infallible = match figure {
                    Some(figure) => write!(text, " {figure:.decimals$} |"),
                    None => write!(text, " – |"),
                };
            }
            text.push('\n');
        }
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
