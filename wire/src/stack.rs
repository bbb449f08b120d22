//! Where an error was raised, read from the text of its stack.
//!
//! The stack is read once, line by line. Each line is offered to the reader of each form (`at` for V8, Hermes, Java,
//! .NET and Rust, `python`, `go`, …), and the form that recognises most lines is the form of the stack. Each form
//! keeps only its best frame so far, so that the time is linear in the length of the text and the memory constant.
//!
//! Which frame is the best:
//!
//! 1. a frame of the program's own code (`own`) rather than one of a runtime or of a library;
//! 2. then one of the error that was raised rather than one of its causes. Of an ExceptionGroup, the first inner error
//!    counts as the raised one;
//! 3. then the innermost one.
//!
//! The client for JavaScript has the same reader in `clients/javascript/stack.js`. Both are tested with the stacks in
//! `wire/tests/stacks`.

mod at;
mod dart;
mod elixir;
mod frame;
mod gecko;
mod go;
mod line;
mod location;
mod old_opera;
mod own;
mod php;
mod python;
mod ruby;
mod search;
mod sections;

use frame::{Best, Frame};
use line::Line;
use sections::Sections;
use std::borrow::Cow;

/// How many bytes are read from the beginning of a stack, and how many from its end. Only a runaway recursion is longer,
/// and its middle tells nothing.
const END_BYTES: usize = 128 << 10;

/// The file and the line where an error was raised, or `None` if no line of `stack` is a frame with a file.
///
/// `message` is what the error says, or empty if that is not known. Lines of the stack that only repeat it are not read,
/// because a message may look like a frame. The line is 0 if the frame names only its file. Query and fragment
/// of an address are left out, because development servers change them with each build.
///
/// ```
/// let stack = "Error: no cart\n    at open (node:fs:601:3)\n    at load (/srv/cart.js:12:20)";
/// let place = log_center_wire::stack::origin(stack, "no cart");
/// assert_eq!(place, Some(("/srv/cart.js".into(), 12)));
/// ```
pub fn origin<'a>(stack: &'a str, message: &str) -> Option<(Cow<'a, str>, u32)> {
    let [head, tail] = ends(stack);
    match (line::without_colours(head), line::without_colours(tail)) {
        (Cow::Borrowed(head), Cow::Borrowed(tail)) => {
            best_frame([head, tail], message).map(|frame| (Cow::Borrowed(frame.file), frame.line))
        }
        (head, tail) => best_frame([&head, &tail], &line::without_colours(message))
            .map(|frame| (Cow::Owned(frame.file.to_owned()), frame.line)),
    }
}

/// The beginning and the end of a long stack, cut at line ends; the second is empty if the stack is short.
fn ends(stack: &str) -> [&str; 2] {
    if stack.len() <= 2 * END_BYTES {
        return [stack, ""];
    }
    let bytes = stack.as_bytes();
    // A line feed is never inside of a character, so both cuts are at characters.
    let head = memchr::memrchr(b'\n', &bytes[..END_BYTES]).map_or("", |end| &stack[..end]);
    let tail = stack.len() - END_BYTES;
    let tail = memchr::memchr(b'\n', &bytes[tail..]).map_or("", |start| &stack[tail + start + 1..]);
    [head, tail]
}

fn best_frame<'a>(parts: [&'a str; 2], message: &str) -> Option<Frame<'a>> {
    // A message that holds the whole stack must not hide it.
    frame_of(parts, message).or_else(|| if message.is_empty() { None } else { frame_of(parts, "") })
}

fn frame_of<'a>(parts: [&'a str; 2], message: &str) -> Option<Frame<'a>> {
    let mut forms = Forms::default();
    for part in parts {
        for line in line::lines(part, message) {
            forms.read(line);
        }
    }
    forms.frame()
}

/// The readers of all forms.
#[derive(Default)]
struct Forms<'a> {
    lines: usize,
    sections: Sections,
    python: python::Reader<'a>,
    at: at::Reader<'a>,
    php: php::Reader<'a>,
    dart: Best<'a>,
    go: go::Reader<'a>,
    elixir: Best<'a>,
    ruby: Best<'a>,
    gecko: Best<'a>,
    old_opera: Best<'a>,
}

impl<'a> Forms<'a> {
    fn read(&mut self, line: Line<'a>) {
        self.lines += 1;
        self.sections.read(line.text);
        let (number, rank) = (self.lines, self.sections.rank());
        // The forms that are easiest to recognise come first: who recognises a line keeps it.
        if self.python.read(line, number)
            || self.at.read(line, number, rank)
            || self.php.read(line, number, rank)
            || self.go.read(line.text, number)
        {
            return;
        }
        if let Some(frame) = dart::frame(line.text) {
            self.dart.offer(frame, rank, number);
        } else if let Some(frame) = elixir::frame(line.text) {
            // The stack of an error inside of another's message is indented further.
            self.elixir.offer(frame, rank + line.indent as i64, number);
        } else if let Some((frame, distance)) = ruby::frame(line.text) {
            self.ruby.offer(frame, rank + distance, number);
        } else if let Some(frame) = old_opera::frame(line.text) {
            self.old_opera.offer(frame, rank, number);
        } else if let Some(frame) = gecko::frame(line.text) {
            self.gecko.offer(frame, rank, number);
        }
    }

    fn frame(self) -> Option<Frame<'a>> {
        let python_leads = self.python.leads();
        let python = self.python.best;
        let at = self.at.best();
        let all = [&python, at, &self.php.best, &self.dart, &self.go.best, &self.elixir, &self.ruby];
        let others = [&self.old_opera, &self.gecko];
        let first = all.iter().chain(&others).filter_map(|best| best.first()).min()?;
        if python_leads && python.first() == Some(first) {
            return python.frame();
        }
        let mut chosen: Option<&Best<'_>> = None;
        for best in all.into_iter().chain(others).filter(|best| best.first().is_some()) {
            if chosen.is_none_or(|chosen| best.is_plainer_than(chosen)) {
                chosen = Some(best);
            }
        }
        chosen?.frame()
    }
}
