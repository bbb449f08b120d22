//! For tests of programs that use the layer: catch what was written, and read it back.
//!
//! ```
//! let records = log_center::testing::capture("shop", || {
//!     tracing::warn!(sku = 7, note = "two left", "stock low");
//! });
//! assert_eq!(records[0]["msg"], "stock low");
//! assert_eq!(records[0]["level"], 40);
//! let extra = log_center::testing::parse_extra(records[0]["extra"].as_str().unwrap_or_default());
//! assert_eq!(extra, [("sku".to_owned(), "7".to_owned()), ("note".to_owned(), "two left".to_owned())]);
//! ```

use serde_json::Value;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tracing_core::dispatcher::{self, Dispatch};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;

/// A writer for [`Builder::writer`](crate::Builder::writer) that keeps every line. Clones share the lines.
#[derive(Debug, Clone, Default)]
pub struct Capture {
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Capture {
    /// With no lines.
    pub fn new() -> Self {
        Self::default()
    }

    /// The lines so far, without their line feeds.
    pub fn lines(&self) -> Vec<String> {
        String::from_utf8_lossy(&self.bytes()).lines().map(str::to_owned).collect()
    }

    /// The records so far. A line that is no JSON is [`Value::Null`].
    pub fn records(&self) -> Vec<Value> {
        self.lines().iter().map(|line| serde_json::from_str(line).unwrap_or_default()).collect()
    }

    /// Forgets the lines so far.
    pub fn clear(&self) {
        self.bytes().clear();
    }

    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> MakeWriter<'a> for Capture {
    type Writer = CaptureWriter<'a>;

    fn make_writer(&'a self) -> CaptureWriter<'a> {
        CaptureWriter { capture: self }
    }
}

/// Writes into a [`Capture`].
#[derive(Debug)]
pub struct CaptureWriter<'a> {
    capture: &'a Capture,
}

impl io::Write for CaptureWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.capture.bytes().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs `program` with the layer of a service as its subscriber on this thread, TRACE included, nothing sent,
/// without [reports of messages](crate::Builder::report_formatted_messages), and gives the records that it wrote.
///
/// # Panics
/// If `service` is no name that [`layer`](crate::layer) takes.
pub fn capture(service: &str, program: impl FnOnce()) -> Vec<Value> {
    let capture = Capture::new();
    let built = crate::layer(service)
        .without_endpoint()
        .trace(true)
        .report_formatted_messages(false)
        .writer(capture.clone())
        .build();
    #[expect(clippy::panic, reason = "test support: a bad name is a mistake in the test")]
    let (layer, _guard) = built.unwrap_or_else(|error| panic!("{error}"));
    let subscriber = Registry::default().with(layer);
    dispatcher::with_default(&Dispatch::new(subscriber), program);
    capture.records()
}

/// Reads the pairs of `extra` back, in their order. What has no `=` is a key with an empty value.
pub fn parse_extra(extra: &str) -> Vec<(String, String)> {
    log_center_wire::extra::pairs(extra)
}

/// The extra fields of a record, in their order as far as its reader kept it: of the text, or of the object that
/// [`Builder::extra_as_object`](crate::Builder::extra_as_object) writes, whose values come as text.
pub fn extra_of(record: &Value) -> Vec<(String, String)> {
    match &record["extra"] {
        Value::String(text) => parse_extra(text),
        Value::Object(fields) => {
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            fields.iter().map(|(key, value)| (key.clone(), text(value))).collect()
        }
        _ => Vec::new(),
    }
}
