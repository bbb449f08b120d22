//! What has become of the lines, told to the user, to the file of refused lines, and to the state.

use super::batch::{Batch, Refused};
use super::limits::TOLD_LINES;
use super::state::State;
use crate::client::CallError;
use crate::style::plain;
use anyhow::Context;
use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressStyle};
use serde::Serialize;
use std::fs::File;
use std::io::Write as _;
use std::ops::AddAssign;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many lines have gone which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) kept: Kept,
    pub(super) refused: u64,
}

/// Records that the server has now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Kept {
    /// They came with this import.
    pub(super) new: u64,
    /// It had them before, as it remembers, and has not stored them again.
    pub(super) known: u64,
}

impl Kept {
    fn all(self) -> u64 {
        self.new + self.known
    }
}

impl AddAssign for Kept {
    fn add_assign(&mut self, other: Self) {
        self.new += other.new;
        self.known += other.known;
    }
}

/// The books of the whole import. The threads that send share it.
pub(super) struct Ledger {
    books: Mutex<Books>,
}

struct Books {
    /// The input that is being read.
    name: String,
    state: Option<State>,
    of_input: Counts,
    total: Counts,
    /// Refused lines that were told, and one more for the word that there are more.
    told: u64,
    began: Instant,
    rejects: Option<File>,
    bar: ProgressBar,
    /// The server has answered once.
    was_there: bool,
    /// It does not answer now, and the user knows.
    is_away: bool,
}

/// A line of the file of refused lines.
#[derive(Serialize)]
struct Reject<'a> {
    file: &'a str,
    line: u64,
    reason: &'a str,
    text: &'a str,
}

impl Ledger {
    /// `rejects` is added to.
    pub(super) fn new(rejects: Option<&Path>) -> anyhow::Result<Self> {
        let open = |path: &Path| {
            let file = File::options().create(true).append(true).open(path);
            file.with_context(|| format!("--rejects {}", path.display()))
        };
        let books = Books {
            name: String::new(),
            state: None,
            of_input: Counts::default(),
            total: Counts::default(),
            told: 0,
            began: Instant::now(),
            rejects: rejects.map(open).transpose()?,
            bar: ProgressBar::hidden(),
            was_there: false,
            is_away: false,
        };
        Ok(Self { books: Mutex::new(books) })
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        // Counters stay right whatever a thread did that panicked.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next input. `size` is how long it is on disk, `at` how much of that is done.
    pub(super) fn begin(&self, name: String, size: Option<u64>, at: u64, state: Option<State>) {
        let mut books = self.books();
        let bar = match size {
            Some(size) => {
                ProgressBar::new(size).with_style(style("{bar:24} {percent:>3} % {eta:>4} left  {wide_msg}"))
            }
            None => ProgressBar::new_spinner().with_style(style("{spinner} {wide_msg}")),
        };
        bar.set_position(at);
        bar.reset_eta();
        bar.set_message(plain(&name).into_owned());
        (books.name, books.state, books.bar, books.of_input) = (name, state, bar, Counts::default());
    }

    /// A batch is about to be sent.
    pub(super) fn sent(&self, batch: &Batch) -> anyhow::Result<()> {
        match &mut self.books().state {
            Some(state) if !batch.place.is_empty() => {
                state.sent(batch.place).context("the progress cannot be kept")
            }
            _ => Ok(()),
        }
    }

    /// A batch has been dealt with: so many of its records are kept, and these lines were refused by the server.
    pub(super) fn done(&self, batch: &mut Batch, kept: Kept, refused: Vec<Refused>) -> anyhow::Result<()> {
        let mut books = self.books();
        let mut all = std::mem::take(&mut batch.refused);
        all.extend(refused);
        all.sort_by_key(|refused| refused.line);
        books.count(kept, all.len() as u64);
        for refused in &all {
            books.refuse(refused)?;
        }
        if let Some(state) = books.state.as_mut().filter(|_| !batch.place.is_empty()) {
            state.done(batch.place).context("the progress cannot be kept")?;
        }
        books.show(batch.read);
        Ok(())
    }

    /// The server has answered, whatever it said.
    pub(super) fn answered(&self) {
        let mut books = self.books();
        books.was_there = true;
        if std::mem::take(&mut books.is_away) {
            books.say("the server answers again");
        }
    }

    /// It has not, or not well. `next` is what happens now.
    pub(super) fn trouble(&self, error: &CallError, next: &str) {
        let mut books = self.books();
        if !std::mem::replace(&mut books.is_away, true) {
            books.say(&format!("{error}; {next}"));
        }
    }

    /// Whether the server has ever answered.
    pub(super) fn was_there(&self) -> bool {
        self.books().was_there
    }

    /// Something that the user should know.
    pub(super) fn say(&self, text: &str) {
        self.books().say(text);
    }

    /// The input has ended; what came of it is said.
    pub(super) fn end(&self) -> Counts {
        let mut books = self.books();
        books.bar.finish_and_clear();
        books.bar = ProgressBar::hidden();
        // Lets go of its lock.
        books.state = None;
        books.of_input
    }

    /// All inputs together.
    pub(super) fn total(&self) -> Counts {
        self.books().total
    }

    /// Since the beginning.
    pub(super) fn elapsed(&self) -> Duration {
        self.books().began.elapsed()
    }

    /// Leaves the terminal as it was; the program is about to end.
    pub(super) fn clear(&self) {
        self.books().bar.finish_and_clear();
    }
}

impl Books {
    fn count(&mut self, kept: Kept, refused: u64) {
        for counts in [&mut self.of_input, &mut self.total] {
            counts.kept += kept;
            counts.refused += refused;
        }
    }

    fn refuse(&mut self, refused: &Refused) -> anyhow::Result<()> {
        let Refused { line, reason, text } = refused;
        if let Some(file) = &mut self.rejects {
            let text = &String::from_utf8_lossy(text);
            let mut entry = serde_json::to_vec(&Reject { file: &self.name, line: *line, reason, text })?;
            entry.push(b'\n');
            file.write_all(&entry).context("--rejects cannot be written")?;
        }
        let told = self.total.refused.min(TOLD_LINES + 1);
        if self.told < told {
            self.told += 1;
            if self.told <= TOLD_LINES {
                self.say(&format!("{}:{line}: {}", plain(&self.name), plain(reason)));
            } else {
                self.say("more lines are refused; they are counted, and --rejects FILE keeps them");
            }
        }
        Ok(())
    }

    fn say(&self, text: &str) {
        // Nobody may be there to read it, which is no reason to stop.
        self.bar.suspend(|| _ = writeln!(std::io::stderr(), "log-center: {text}"));
    }

    fn show(&mut self, read: u64) {
        let rate = per_second(self.total.kept.all(), self.began.elapsed());
        let records = HumanCount(self.of_input.kept.all());
        self.bar.set_message(format!("{}: {records} records, {rate}/s", plain(&self.name)));
        // Batches are answered in any order.
        self.bar.set_position(read.max(self.bar.position()));
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn per_second(count: u64, elapsed: Duration) -> HumanCount {
    HumanCount((count as f64 / elapsed.as_secs_f64().max(0.001)) as u64)
}

/// `12 records imported, 5 were there already, 3 lines refused`.
pub(super) fn summary(counts: Counts) -> String {
    let plural = |count: u64, one: &str, many: &str| {
        format!("{} {}", HumanCount(count), if count == 1 { one } else { many })
    };
    let Kept { new, known } = counts.kept;
    let mut text = format!("{} imported", plural(new, "record", "records"));
    if known > 0 {
        text += &format!(", {} there already", plural(known, "was", "were"));
    }
    if counts.refused > 0 {
        text += &format!(", {} refused", plural(counts.refused, "line", "lines"));
    }
    text
}

/// ` in 3 seconds (12,345/s)`.
pub(super) fn pace(counts: Counts, elapsed: Duration) -> String {
    let time = if elapsed < Duration::from_secs(60) {
        format!("{:.1} s", elapsed.as_secs_f64())
    } else {
        HumanDuration(elapsed).to_string()
    };
    format!(" in {time} ({}/s)", per_second(counts.kept.all(), elapsed))
}
