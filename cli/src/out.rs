//! Standard output: lines for people, and where they end.

use super::Ending;
use super::style::{ColorArgs, plain, plain_json};
use anstream::AutoStream;
use anyhow::Context;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::fmt::{Display, Write as _};
use std::io::{self, IsTerminal, Stdout, Write};
use std::sync::{Mutex, TryLockError};
use std::time::Duration;
use terminal_size::{Width, terminal_size};
use unicode_width::UnicodeWidthChar;

/// Held while a line is written, so that a signal does not end the program in its middle, with a colour switched on.
static WRITING: Mutex<()> = Mutex::new(());

/// How often a signal looks whether the line is written, and how long it waits between. A terminal that was stopped with ^S
/// must not keep the program.
const LOOKS: u32 = 50;
const LOOK_PAUSE: Duration = Duration::from_millis(10);

/// Standard output.
pub(super) struct Out {
    stream: AutoStream<Stdout>,
    is_terminal: bool,
    width: Option<usize>,
    line: String,
}

impl Out {
    /// With colours where they are wanted.
    pub(super) fn colored(color: ColorArgs) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let of_terminal = terminal_size().map(|(Width(width), _)| usize::from(width));
        Self {
            stream: AutoStream::new(io::stdout(), color.choice()),
            is_terminal,
            width: of_terminal.filter(|width| is_terminal && *width > 0),
            line: String::new(),
        }
    }

    /// Lines no longer than this, whatever standard output is.
    pub(super) fn with_width(mut self, width: Option<u16>) -> Self {
        self.width = width.map(usize::from).or(self.width);
        self
    }

    /// A person looks at it.
    pub(super) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// How long lines may be, in characters; `None` = as long as they are.
    pub(super) fn width(&self) -> Option<usize> {
        self.width
    }

    /// Writes a line in one piece.
    pub(super) fn line(&mut self, line: impl Display) -> io::Result<()> {
        self.line.clear();
        _ = writeln!(self.line, "{line}");
        self.write()
    }

    /// Writes a line, and goes on below it where it is too long, so many characters to the right.
    pub(super) fn wrapped(&mut self, line: impl Display, hang: usize) -> io::Result<()> {
        let Some(width) = self.width else { return self.line(line) };
        self.line(wrap(&line.to_string(), width, hang))
    }

    /// Writes JSON as a line.
    pub(super) fn json(&mut self, text: &str) -> io::Result<()> {
        self.line(plain_json(text))
    }

    /// Writes cells as a line of tab-separated values.
    pub(super) fn cells<T: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = T>) -> io::Result<()> {
        self.line.clear();
        for (index, cell) in cells.into_iter().enumerate() {
            if index > 0 {
                self.line.push('\t');
            }
            self.line.push_str(&plain(cell.as_ref()));
        }
        self.line.push('\n');
        self.write()
    }

    fn write(&mut self) -> io::Result<()> {
        // What it guards is nothing that a panic could leave half done.
        let _whole = WRITING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.stream.write_all(self.line.as_bytes())
    }

    /// To be called at the end, and where somebody waits for what was written.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Says something beside the answer, on standard error. Nobody may be there to read it, which is no reason to stop.
pub(super) fn say(text: impl Display) {
    _ = writeln!(io::stderr(), "log-center: {text}");
}

/// From now on SIGINT and SIGTERM end the program between two lines, with the exit code of [`Ending`].
pub(super) fn end_between_lines() -> anyhow::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).context("signals cannot be heard")?;
    std::thread::spawn(move || {
        let Some(signal) = signals.forever().next() else { return };
        for _ in 0..LOOKS {
            if !matches!(WRITING.try_lock(), Err(TryLockError::WouldBlock)) {
                break;
            }
            std::thread::sleep(LOOK_PAUSE);
        }
        let ending = if signal == SIGINT { Ending::Interrupted } else { Ending::Terminated };
        std::process::exit(i32::from(ending.code()));
    });
    Ok(())
}

/// Breaks a line between words where it is wider than `width`, and within a word only if that alone is too wide. What follows
/// begins `hang` characters to the right. Colours take no room and may go on below.
fn wrap(line: &str, width: usize, hang: usize) -> String {
    let hang = hang.min(width.saturating_sub(LEAST_ROOM));
    let mut out = String::with_capacity(line.len() + 16);
    let mut column = 0;
    let next_line = |out: &mut String| {
        out.truncate(out.trim_end_matches(' ').len());
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', hang));
        hang
    };
    for (index, word) in line.split(' ').enumerate() {
        let wide = visible(word).map(|(_, wide)| wide).sum::<usize>();
        if index > 0 {
            if column + 1 + wide > width && wide > 0 && column > hang {
                column = next_line(&mut out);
            } else {
                out.push(' ');
                column += 1;
            }
        }
        for (char, wide) in visible(word) {
            if column + wide > width {
                column = next_line(&mut out);
            }
            out.push(char);
            column += wide;
        }
    }
    out
}

/// How many characters of a line are left at least, however far it begins to the right.
const LEAST_ROOM: usize = 20;

/// The characters of a text with their widths; those that switch colours have none.
fn visible(text: &str) -> impl Iterator<Item = (char, usize)> {
    let mut is_order = false;
    text.chars().map(move |char| {
        is_order |= char == '\u{1b}';
        let wide = if is_order { 0 } else { char.width().unwrap_or(0) };
        is_order &= char != 'm';
        (char, wide)
    })
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn a_line_goes_on_below_where_it_is_too_long() {
        assert_eq!(wrap("one two", 40, 4), "one two");
        let text = "a line of several words, some of them longer than others";
        assert_eq!(wrap(text, 30, 4), "a line of several words, some\n    of them longer than others");
        assert_eq!(
            wrap("  0123456789012345678901234567890123", 24, 4),
            "  0123456789012345678901\n    234567890123"
        );
        // Colours take no room, wide characters two.
        let red = format!("\u{1b}[31m{}\u{1b}[0m", "x".repeat(24));
        assert_eq!(wrap(&red, 24, 4), red);
        assert_eq!(wrap(&"日".repeat(13), 24, 2), format!("{}\n  日", "日".repeat(12)));
    }

    #[test]
    fn no_line_is_wider_than_it_may_be() {
        let words = ["a", "bcd", "efghijklmn", "opqrstuvwxyzopqrstuvwxyzopqrstuvwxyzopqrstuvwxyz", ""];
        for seed in 0..500_usize {
            let text: Vec<_> =
                (0..12).map(|step| words[(seed * 7 + step * step * 3 + seed / 5) % words.len()]).collect();
            let text = text.join(" ");
            for (width, hang) in [(40, 0), (40, 8), (60, 30), (40, 100)] {
                let wrapped = wrap(&text, width, hang);
                assert!(wrapped.lines().all(|line| line.len() <= width), "{width} {hang}\n{wrapped}");
                let kept = |text: &str| text.replace([' ', '\n'], "");
                assert_eq!(kept(&wrapped), kept(&text));
            }
        }
    }
}
