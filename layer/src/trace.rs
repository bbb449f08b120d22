//! Backtraces, as text: those that a program hands over, those inside of an error's `Debug`, and one taken here.

use crate::limits::ERROR_STACK_BYTES;
use std::backtrace::{Backtrace, BacktraceStatus};

/// What `anyhow` and its like put before the sources of an error in its `Debug`.
const CAUSED_BY: &str = "Caused by:";

/// What stands in place of a backtrace that was not taken.
const ABSENT: [&str; 4] = ["disabled backtrace", "unsupported backtrace", "<disabled>", "<unsupported>"];

/// The words that an error was told by: `message\n\nCaused by:\n    0: …\n\nStack backtrace:\n   0: …`. Also any other
/// text of several lines.
pub(crate) struct Told<'a> {
    /// The first line.
    pub(crate) message: &'a str,
    /// The errors down the chain, one a line.
    pub(crate) causes: Vec<&'a str>,
    /// The other lines.
    pub(crate) rest: Vec<&'a str>,
}

impl<'a> Told<'a> {
    /// None of a text of one line, which nearly all are.
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let (message, behind) = text.split_once('\n')?;
        let mut told = Self { message: message.trim_end(), causes: Vec::new(), rest: Vec::new() };
        let mut in_causes = false;
        for line in behind.lines() {
            let words = line.trim();
            if words == CAUSED_BY {
                in_causes = true;
            } else if words.is_empty() {
                in_causes &= told.causes.is_empty();
            } else if in_causes {
                told.causes.push(unnumbered(words));
            } else {
                told.rest.push(line.trim_end());
            }
        }
        Some(told)
    }
}

/// `0: text` without its number.
fn unnumbered(line: &str) -> &str {
    match line.split_once(": ") {
        Some((number, text)) if number.bytes().all(|byte| byte.is_ascii_digit()) => text.trim_start(),
        _ => line,
    }
}

/// A backtrace that a field holds, formatted by `Display` or `Debug`, as lines.
pub(crate) fn push_given(trace: &mut String, text: &str) {
    if ABSENT.contains(&text.trim()) {
        return;
    }
    match text.strip_prefix("Backtrace [") {
        Some(frames) => push_debug(trace, frames),
        None => text.lines().filter(|line| !line.trim().is_empty()).for_each(|line| push_line(trace, line)),
    }
}

/// `{ fn: "main", file: "src/main.rs", line: 3 }, { … }]`
fn push_debug(trace: &mut String, frames: &str) {
    let value = |frame: &str, key: &str| {
        let (_, after) = frame.split_once(key)?;
        let value = after.split([',', '}', '"']).find(|value| !value.trim().is_empty())?;
        Some(value.trim().to_owned())
    };
    for (number, frame) in frames.split("{ fn: ").skip(1).enumerate() {
        let name = frame.split('"').nth(1).unwrap_or("<unknown>");
        push_line(trace, &format!("{number:4}: {name}"));
        if let (Some(file), Some(line)) = (value(frame, "file: "), value(frame, "line: ")) {
            push_line(trace, &format!("             at {file}:{line}"));
        }
    }
}

/// The backtrace to here, if the environment asks for it (`RUST_LIB_BACKTRACE`, `RUST_BACKTRACE`), without the frames
/// of this crate and of tracing at its top.
pub(crate) fn push_here(trace: &mut String) {
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        push_from_program(trace, &backtrace.to_string());
    }
}

fn push_from_program(trace: &mut String, text: &str) {
    let lines: Vec<&str> = text.lines().collect();
    let frames = lines.iter().enumerate().filter_map(|(at, line)| Some((at, frame_name(line)?)));
    let program = frames.into_iter().find(|(at, name)| {
        let place = lines.get(at + 1).filter(|line| frame_name(line).is_none());
        !is_machinery(name, place.unwrap_or(&""))
    });
    if let Some((first, _)) = program {
        push_lines(trace, &lines[first..]);
    }
}

/// The function of a line that begins a frame (`   0: shop::main`).
fn frame_name(line: &str) -> Option<&str> {
    let (number, name) = line.trim_start().split_once(": ")?;
    number.bytes().all(|byte| byte.is_ascii_digit()).then_some(name)
}

/// Whether a frame lies between the program's line and this one. What was inlined has no crate in its name.
fn is_machinery(name: &str, place: &str) -> bool {
    const CRATES: [&str; 5] = ["tracing", "tracing_core", "tracing_subscriber", "std", "core"];
    const PLACES: [&str; 5] =
        ["/rustc/", "/library/std/", "/tracing-0.", "/tracing-core-", "/tracing-subscriber-"];
    let path = name.trim_start_matches(['<', '&', '_']);
    let crate_name = path.split([':', '[', '<']).next().unwrap_or_default();
    name.contains("log_center::")
        || CRATES.contains(&crate_name)
        || PLACES.iter().any(|part| place.replace('\\', "/").contains(part))
}

fn push_line(trace: &mut String, line: &str) {
    // One line more than fits, so that the cut is marked.
    if trace.len() <= ERROR_STACK_BYTES {
        trace.push('\n');
        trace.push_str(line.trim_end());
    }
}

/// Other lines about an error.
pub(crate) fn push_lines(trace: &mut String, lines: &[&str]) {
    lines.iter().for_each(|line| push_line(trace, line));
}
