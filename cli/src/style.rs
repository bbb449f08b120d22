//! Colours, where they are wanted, and text from outside on a terminal.

use anstream::ColorChoice;
use anstyle::{AnsiColor, Color, Style};
use clap::ValueEnum;
use std::borrow::Cow;
use std::fmt::Write as _;

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum When {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Whatever standard output is.
    Always,
    /// Not at all.
    Never,
}

/// How to print.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct ColorArgs {
    /// When to colour: on a terminal (unless the variable NO_COLOR is set), always, or never.
    #[arg(long, value_enum, default_value_t = When::Auto, value_name = "WHEN", hide_possible_values = true)]
    color: When,
}

impl ColorArgs {
    /// The same for a stream that drops styles where they are not wanted.
    pub(super) const fn choice(self) -> ColorChoice {
        match self.color {
            When::Auto => ColorChoice::Auto,
            When::Always => ColorChoice::Always,
            When::Never => ColorChoice::Never,
        }
    }
}

const fn of(color: AnsiColor) -> Style {
    Style::new().fg_color(Some(Color::Ansi(color)))
}

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const GOOD: Style = of(AnsiColor::Green);
pub(super) const WARNING: Style = of(AnsiColor::Yellow);
pub(super) const BAD: Style = of(AnsiColor::Red);
pub(super) const NAME: Style = of(AnsiColor::Cyan);

/// The name of a level, five letters wide, and how it is shown.
pub(super) fn level(number: u64) -> (&'static str, Style) {
    match number {
        60.. => ("FATAL", BAD.bold()),
        50.. => ("ERROR", BAD),
        40.. => ("WARN ", WARNING),
        30.. => ("INFO ", GOOD),
        20.. => ("DEBUG", DIM),
        _ => ("TRACE", DIM),
    }
}

/// How a level is shown that is a word of the report API.
pub(super) fn of_level(word: &str) -> Style {
    match word {
        "CRITICAL" => BAD.bold(),
        "ERROR" => BAD,
        "WARNING" => WARNING,
        _ => DIM,
    }
}

/// How a hop is shown that ended so.
pub(super) fn of_state(word: &str) -> Style {
    match word {
        "ok" => GOOD,
        "error" => BAD,
        _ => WARNING,
    }
}

/// Milliseconds, up to the microsecond where that says something.
pub(super) fn millis(ms: f64) -> String {
    match ms.abs() {
        size if size >= 1000.0 => format!("{ms:.0}"),
        size if size >= 10.0 => format!("{ms:.1}"),
        _ => format!("{ms:.2}"),
    }
}

/// Text from outside on one line, with nothing in it that a terminal would obey.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    escaped(text, |char, out| match char {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        char => _ = write!(out, "\\u{{{:x}}}", u32::from(char)),
    })
}

/// The same for a text of several lines, which stay lines.
pub(super) fn plain_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |char, out| match char {
        '\n' => out.push('\n'),
        '\t' => out.push_str("    "),
        // Half of a line feed.
        '\r' => {}
        char => _ = write!(out, "\\u{{{:x}}}", u32::from(char)),
    })
}

/// JSON that means the same and has nothing in it that a terminal would obey: outside of strings such characters do not occur,
/// and inside they may be written by their numbers. White space between the values stays.
pub(super) fn plain_json(text: &str) -> Cow<'_, str> {
    escaped(text, |char, out| match char {
        '\n' | '\r' | '\t' => out.push(char),
        char => _ = write!(out, "\\u{:04x}", u32::from(char)),
    })
}

fn escaped(text: &str, escape: impl Fn(char, &mut String)) -> Cow<'_, str> {
    if !text.chars().any(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        if is_obeyed(char) {
            escape(char, &mut out);
        } else {
            out.push(char);
        }
    }
    Cow::Owned(out)
}

/// Control characters (those of 8 bits too), and those that turn the direction of what follows. All are below U+10000.
fn is_obeyed(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}')
}

/// A width in characters of the terminal: the text cut with an ellipsis, or filled up with spaces.
pub(super) fn fitted(text: &str, width: usize) -> String {
    use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};
    let taken = text.width();
    if taken <= width {
        return format!("{text}{}", " ".repeat(width - taken));
    }
    let mut out = String::new();
    let mut used = 0;
    for char in text.chars() {
        let wide = char.width().unwrap_or(0);
        if used + wide + 1 > width {
            break;
        }
        out.push(char);
        used += wide;
    }
    if width > 0 {
        out.push('…');
        used += 1;
    }
    out.push_str(&" ".repeat(width.saturating_sub(used)));
    out
}

#[cfg(test)]
mod tests {
    use super::{fitted, plain, plain_json, plain_lines};

    #[test]
    fn text_from_outside_gives_no_orders() {
        assert_eq!(plain("card declined"), "card declined");
        assert_eq!(plain("a\nb\tc"), "a\\nb\\tc");
        assert_eq!(plain("\u{1b}[2Jä\u{202e}"), "\\u{1b}[2Jä\\u{202e}");
        assert_eq!(plain("\u{9b}31m\u{7f}\u{61c}\u{2067}"), "\\u{9b}31m\\u{7f}\\u{61c}\\u{2067}");
        assert_eq!(plain_lines("a\r\n\tb\u{7}"), "a\n    b\\u{7}");
        assert_eq!(plain_json("{\"a\":\"\u{9b}2J\u{202e}\"}"), "{\"a\":\"\\u009b2J\\u202e\"}");
    }

    #[test]
    fn a_text_is_as_wide_as_it_looks() {
        assert_eq!(fitted("ab", 4), "ab  ");
        assert_eq!(fitted("abcdef", 4), "abc…");
        assert_eq!(fitted("日本語", 4), "日… ");
        assert_eq!(fitted("abc", 0), "");
    }
}
