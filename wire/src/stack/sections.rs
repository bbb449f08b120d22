//! The error that was raised, and those before it: a stack has a section for each.

/// Which section is being read, by its rank: less is nearer to the error that was raised.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sections {
    current: i64,
    lowest: i64,
    highest: i64,
}

impl Sections {
    pub(super) fn rank(self) -> i64 {
        self.current
    }

    /// What follows was raised later than everything before.
    pub(super) fn later(&mut self) {
        self.lowest -= 1;
        self.current = self.lowest;
    }

    /// What follows was raised earlier than everything before.
    pub(super) fn earlier(&mut self) {
        self.highest += 1;
        self.current = self.highest;
    }

    /// Notices the words with which Java, Node, PHP and the loggers of Node begin the next section.
    pub(super) fn read(&mut self, text: &str) {
        const CAUSES: [&str; 5] = ["caused by", "suppressed:", "[cause]", "[errors]", "[previous exception]"];
        if CAUSES.iter().any(|word| starts_with(text, word)) {
            self.earlier();
        } else if starts_with(text, "wrapped by:") || is_next(text) {
            self.later();
        }
    }
}

/// PHP's `Next Shop\Failed: no cart in …`, before the error that was raised with the one above as its cause.
fn is_next(text: &str) -> bool {
    let class = text.strip_prefix("Next ").map(|rest| rest.split([':', ' ']).next().unwrap_or_default());
    class.is_some_and(|class| {
        !class.is_empty()
            && class
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_\\".contains(&byte) || byte >= 0x80)
    })
}

fn starts_with(text: &str, word: &str) -> bool {
    text.as_bytes().get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
}
