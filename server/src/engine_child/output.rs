//! What the engine says, passed on within bounds: native code that fails can say the same thing millions of times.

use std::time::Duration;
use tokio::io::{AsyncBufRead, AsyncBufReadExt};
use tokio::time::Instant;

/// How many lines of the engine are passed on in one second. The others are counted and left out.
const LINES_PER_SECOND: u64 = 200;

/// How many bytes of one line are passed on: 16 KiB. The rest of it is left out.
const LINE_BYTES: usize = 16 << 10;

/// The time within which the lines are counted.
const SECOND: Duration = Duration::from_secs(1);

/// Lines from the engine.
pub(super) struct Output<R> {
    reader: R,
    write: fn(String),
    since: Instant,
    passed: u64,
    left_out: u64,
}

impl<R: AsyncBufRead + Unpin> Output<R> {
    /// Lines from `reader` that go to `write`.
    pub(super) fn new(reader: R, write: fn(String)) -> Self {
        Self { reader, write, since: Instant::now(), passed: 0, left_out: 0 }
    }

    /// The next line, as far as it may be long. `None`: there is no more.
    pub(super) async fn next_line(&mut self) -> std::io::Result<Option<String>> {
        let mut line = Vec::new();
        let mut is_cut = false;
        loop {
            let read = self.reader.fill_buf().await?;
            if read.is_empty() && line.is_empty() {
                return Ok(None);
            }
            let end = read.iter().position(|byte| *byte == b'\n');
            let text = &read[..end.unwrap_or(read.len())];
            let kept = text.len().min(LINE_BYTES - line.len());
            line.extend_from_slice(&text[..kept]);
            is_cut |= kept < text.len();
            let is_whole = end.is_some() || read.is_empty();
            let used = end.map_or(read.len(), |end| end + 1);
            self.reader.consume(used);
            if is_whole {
                let text = String::from_utf8_lossy(&line);
                return Ok(Some(if is_cut { format!("{text} … (cut)") } else { text.into_owned() }));
            }
        }
    }

    /// Passes a line on, or leaves it out if there were too many of late.
    pub(super) fn pass_on(&mut self, line: String) {
        if self.since.elapsed() >= SECOND {
            self.tell_left_out();
            (self.since, self.passed) = (Instant::now(), 0);
        }
        if self.passed >= LINES_PER_SECOND {
            self.left_out += 1;
            return;
        }
        self.passed += 1;
        (self.write)(line);
    }

    /// Passes on all that comes, to its end.
    pub(super) async fn pass_all(mut self) {
        while let Ok(Some(line)) = self.next_line().await {
            self.pass_on(line);
        }
        self.tell_left_out();
    }

    fn tell_left_out(&mut self) {
        if self.left_out > 0 {
            tracing::warn!(
                lines = self.left_out,
                "lines of the engine were left out: too many in one second"
            );
        }
        self.left_out = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::{LINE_BYTES, LINES_PER_SECOND, Output};
    use tokio::io::BufReader;

    #[tokio::test]
    async fn lines_are_bounded_in_length() {
        let text = format!("short\n{}\nlast", "x".repeat(3 * LINE_BYTES));
        let mut output = Output::new(BufReader::new(text.as_bytes()), drop);
        assert_eq!(output.next_line().await.unwrap().unwrap(), "short");
        let cut = output.next_line().await.unwrap().unwrap();
        assert!(cut.len() < LINE_BYTES + 20 && cut.ends_with("(cut)"), "{}", cut.len());
        assert_eq!(output.next_line().await.unwrap().unwrap(), "last");
        assert_eq!(output.next_line().await.unwrap(), None);
    }

    #[test]
    fn lines_are_bounded_in_number() {
        let mut output = Output::new(BufReader::new(&b""[..]), drop);
        // As if the second ended far away, however slow this machine is.
        output.since += 3_600 * super::SECOND;
        for _ in 0..LINES_PER_SECOND + 7 {
            output.pass_on("again".to_owned());
        }
        assert_eq!((output.passed, output.left_out), (LINES_PER_SECOND, 7));
        output.since -= 3_601 * super::SECOND;
        output.pass_on("again".to_owned());
        assert_eq!((output.passed, output.left_out), (1, 0));
    }
}
