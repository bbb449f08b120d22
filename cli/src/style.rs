//! Colours, where they are wanted, and text from outside on a terminal.

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Color, Style};
use clap::ValueEnum;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::Stdout;

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
    /// Standard output, which drops styles where they are not wanted.
    pub(super) fn stdout(self) -> AutoStream<Stdout> {
        let choice = match self.color {
            When::Auto => ColorChoice::Auto,
            When::Always => ColorChoice::Always,
            When::Never => ColorChoice::Never,
        };
        AutoStream::new(std::io::stdout(), choice)
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

/// Text from outside on one line, with nothing in it that a terminal would obey.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        match char {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            char if is_obeyed(char) => _ = write!(out, "\\u{{{:x}}}", u32::from(char)),
            char => out.push(char),
        }
    }
    Cow::Owned(out)
}

/// Control characters, and those that turn the direction of what follows.
fn is_obeyed(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
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
    use super::{fitted, plain};

    #[test]
    fn text_from_outside_gives_no_orders() {
        assert_eq!(plain("card declined"), "card declined");
        assert_eq!(plain("a\nb\tc"), "a\\nb\\tc");
        assert_eq!(plain("\u{1b}[2Jä\u{202e}"), "\\u{1b}[2Jä\\u{202e}");
    }

    #[test]
    fn a_text_is_as_wide_as_it_looks() {
        assert_eq!(fitted("ab", 4), "ab  ");
        assert_eq!(fitted("abcdef", 4), "abc…");
        assert_eq!(fitted("日本語", 4), "日… ");
        assert_eq!(fitted("abc", 0), "");
    }
}
