//! Python: `  File "shop/cart.py", line 42, in add`. The last frame is the innermost, and the last traceback that of the error
//! that was raised. An ExceptionGroup draws the tracebacks of its inner errors as a tree behind its own.

use super::frame::{Best, Frame};
use super::line::Line;
use super::location::{fits, leading_digits, line_number};
use super::sections::Sections;

#[derive(Default)]
pub(super) struct Reader<'a> {
    pub(super) best: Best<'a>,
    sections: Sections,
    state: State,
    /// The indentation of the frames of this traceback.
    indent: usize,
    /// Whether the first inner error of a group was read to its end.
    first_of_group_read: bool,
    /// Whether the first frame stood below a heading.
    leads: bool,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No heading was there so far.
    #[default]
    Begin,
    /// A heading, and perhaps frames.
    Traceback,
    /// Frames that may have no heading.
    Frames,
    /// The message, which may look like frames.
    Message,
}

impl<'a> Reader<'a> {
    /// Whether the line is Python's.
    pub(super) fn read(&mut self, line: Line<'a>, number: usize) -> bool {
        if is_heading(line.text) {
            self.state = State::Traceback;
            // A heading outside of the tree begins what was raised after the group.
            self.first_of_group_read &= line.piped;
            self.begin_section();
            return true;
        }
        if line.text.starts_with("+-") {
            self.branch(line.text);
            return true;
        }
        if self.state == State::Message {
            return false;
        }
        if let Some((file, line_number)) = file_and_line(line.text) {
            self.leads |= self.state == State::Traceback && self.best.first().is_none();
            (self.state, self.indent) = (State::Frames, line.indent);
            self.best.offer_last(Frame::of(file, line_number), self.sections.rank(), number);
            return true;
        }
        if self.state == State::Frames && line.indent < self.indent {
            self.state = State::Message;
        }
        false
    }

    /// Whether the stack begins as one of Python does: what follows its frames is its message, whatever that looks like.
    pub(super) fn leads(&self) -> bool {
        self.leads
    }

    /// Of the inner errors of a group the first one counts as the one that was raised.
    fn begin_section(&mut self) {
        if self.first_of_group_read {
            self.sections.earlier();
        } else {
            self.sections.later();
        }
    }

    /// A line of the tree: `+-+---------------- 1 ----------------` before the first inner error, `+---------------- 2
    /// ----------------` before the others, and one without a number behind the last.
    fn branch(&mut self, text: &str) {
        self.state = State::Traceback;
        self.first_of_group_read |= !text.starts_with("+-+");
        self.begin_section();
    }
}

fn is_heading(text: &str) -> bool {
    // The last two are how Django separates what has only one heading.
    (text.ends_with("Traceback (most recent call last):") && text.len() < 80)
        || text.starts_with("The above exception")
        || text.starts_with("During handling of the above exception")
}

fn file_and_line(text: &str) -> Option<(&str, u32)> {
    let rest = text.strip_prefix("File \"")?;
    let (file, rest) = rest.split_once("\", line ")?;
    Some((file, line_number(leading_digits(rest).0)?)).filter(|(file, _)| fits(file))
}
