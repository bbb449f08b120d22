//! Server-sent events, out of the body of an answer.

use std::io::{self, BufRead, BufReader, Read};
use std::time::Duration;

/// Longest line of the stream, in bytes: 16 MiB. A record is not longer than that.
const LINE_BYTES: u64 = 16 << 20;

/// One event.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    /// Where the stream can be continued; `None` if the event does not say.
    pub(super) id: Option<String>,
    /// What it is; empty for a plain message.
    pub(super) name: String,
    pub(super) data: String,
    /// How long to wait before connecting again.
    pub(super) retry: Option<Duration>,
}

/// The events of a stream.
pub(super) struct Events<R> {
    reader: BufReader<R>,
}

impl<R: Read> Events<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader: BufReader::new(reader) }
    }

    /// The next one; `None` at the end of the stream, where half an event is none.
    pub(super) fn next(&mut self) -> io::Result<Option<Event>> {
        let mut event = Event::default();
        let mut has_begun = false;
        let mut line = String::new();
        loop {
            line.clear();
            self.reader.by_ref().take(LINE_BYTES).read_line(&mut line)?;
            let Some(text) = line.strip_suffix('\n') else {
                let is_too_long = line.len() as u64 >= LINE_BYTES;
                return if is_too_long {
                    Err(io::Error::other("a line of the stream is too long"))
                } else {
                    Ok(None)
                };
            };
            let text = text.strip_suffix('\r').unwrap_or(text);
            if text.is_empty() {
                if has_begun {
                    return Ok(Some(event));
                }
                continue;
            }
            has_begun |= event.take(text);
        }
    }
}

impl Event {
    /// A line of it. Whether it was more than a comment.
    fn take(&mut self, line: &str) -> bool {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" => return false,
            "id" => self.id = Some(value.to_owned()),
            "event" => value.clone_into(&mut self.name),
            "data" if self.data.is_empty() => value.clone_into(&mut self.data),
            "data" => {
                self.data.push('\n');
                self.data.push_str(value);
            }
            "retry" => self.retry = value.parse().ok().map(Duration::from_millis),
            _ => {}
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_out_whole() {
        let text = ": tailing\nretry: 2000\n\nid: 7.3\r\ndata: {\"a\":1}\r\n\r\n: alive\n\nevent: skipped\ndata:{}\n\ndata: cut";
        let mut events = Events::new(text.as_bytes());
        let mut all = Vec::new();
        while let Some(event) = events.next().unwrap() {
            all.push(event);
        }
        let retry = Event { retry: Some(Duration::from_secs(2)), ..Event::default() };
        let record = Event { id: Some("7.3".into()), data: "{\"a\":1}".into(), ..Event::default() };
        let skipped = Event { name: "skipped".into(), data: "{}".into(), ..Event::default() };
        assert_eq!(all, [retry, record, skipped]);
    }
}
