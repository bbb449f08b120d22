use crate::callsite::Style;
use crate::capture::{Captured, Hop};
use crate::limits::{CLIENT_TEXT_BYTES, ERROR_MESSAGE_BYTES, VALUE_BYTES};
use crate::line::escape::push_json;
#[cfg(feature = "tower")]
use crate::process::PanicNote;
use crate::redact::{Hook, Redaction, ask, in_payload};
use log_center_wire::EventKind;
use std::borrow::Cow;
use std::fmt;
#[cfg(feature = "tower")]
use std::sync::Arc;
use std::time::Duration;

/// A record that only this crate writes: a hop begins or ends.
///
/// It travels to the layer as an error in a field of an ordinary event, because that is the one kind of value that
/// a layer can ask for its type. So filters and other layers see an event like any other, and no application can
/// claim these columns: the type has no name outside of this crate.
#[derive(Debug)]
pub(crate) struct HopRecord {
    event: EventKind,
    tm: Option<Duration>,
    service_req: Option<ServiceRequest>,
    service_res: Option<ServiceResponse>,
    pairs: Vec<(&'static str, String)>,
    failure: Option<Failure>,
    #[cfg(feature = "tower")]
    panic: Option<Arc<PanicNote>>,
}

/// `service_req`.
#[derive(Debug, Clone, Default)]
pub(crate) struct ServiceRequest {
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) payload: Option<String>,
}

/// `service_res`.
#[derive(Debug, Default)]
pub(crate) struct ServiceResponse {
    pub(crate) http_code: Option<u16>,
    pub(crate) tm: Duration,
    pub(crate) body: Option<String>,
    pub(crate) err: Option<String>,
}

/// What becomes `err`.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) error_type: &'static str,
    pub(crate) message: String,
    /// What each error down the chain says.
    pub(crate) causes: Vec<String>,
}

#[cfg(feature = "reqwest")]
impl Failure {
    /// The whole chain.
    pub(crate) fn in_one_line(&self) -> String {
        let causes = self.causes.iter().map(String::as_str);
        std::iter::once(self.message.as_str()).chain(causes).collect::<Vec<_>>().join(": ")
    }
}

impl HopRecord {
    pub(crate) fn new(event: EventKind) -> Self {
        Self {
            event,
            tm: None,
            service_req: None,
            service_res: None,
            pairs: Vec::new(),
            failure: None,
            #[cfg(feature = "tower")]
            panic: None,
        }
    }

    #[cfg(feature = "tower")]
    pub(crate) fn tm(mut self, tm: Duration) -> Self {
        self.tm = Some(tm);
        self
    }

    #[cfg(feature = "reqwest")]
    pub(crate) fn service_req(mut self, request: ServiceRequest) -> Self {
        self.service_req = Some(request);
        self
    }

    #[cfg(feature = "reqwest")]
    pub(crate) fn service_res(mut self, response: ServiceResponse) -> Self {
        self.service_res = Some(response);
        self
    }

    /// Adds a field of `extra`.
    pub(crate) fn pair(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.pairs.push((name, value.into()));
        self
    }

    #[cfg(feature = "tower")]
    pub(crate) fn maybe_pair(self, name: &'static str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.pair(name, value),
            None => self,
        }
    }

    pub(crate) fn failure(mut self, failure: Option<Failure>) -> Self {
        self.failure = failure;
        self
    }

    /// The panic that the hop ended by, which goes before its failure.
    #[cfg(feature = "tower")]
    pub(crate) fn panic(mut self, panic: Option<Arc<PanicNote>>) -> Self {
        self.panic = panic;
        self
    }

    /// Says it to the layer.
    pub(crate) fn capture(&self, style: &Style, hook: Option<&Hook>, captured: &mut Captured) {
        let shown = Shown { redaction: &style.settings.redaction, hook };
        for (name, value) in &self.pairs {
            captured.push_named(style, name, &shown.text(name, value));
        }
        if let Some(failure) = &self.failure {
            let causes = failure.causes.iter().map(|cause| shown.text("err.msg", cause));
            captured.failure.tell(failure.error_type, &shown.text("err.msg", &failure.message), causes);
        }
        #[cfg(feature = "tower")]
        if let Some(panic) = &self.panic {
            captured.failure.take_panic(panic, hook);
        }
        let mut columns = Vec::new();
        self.write_columns(&mut columns, shown);
        captured.hop = Some(Hop { event: self.event, columns, tm: self.tm });
    }

    fn write_columns(&self, out: &mut Vec<u8>, shown: Shown<'_>) {
        if let Some(tm) = self.tm {
            out.extend_from_slice(b",\"tm\":");
            push_millis(out, tm);
        }
        if let Some(request) = &self.service_req {
            out.extend_from_slice(b",\"service_req\":{");
            push_text(out, "host", &request.host, CLIENT_TEXT_BYTES);
            out.push(b',');
            push_text(out, "path", &shown.text("path", &request.path), CLIENT_TEXT_BYTES);
            if let Some(payload) = &request.payload {
                out.push(b',');
                push_text(out, "payload", &shown.payload("payload", payload), VALUE_BYTES);
            }
            out.push(b'}');
        }
        if let Some(response) = &self.service_res {
            out.extend_from_slice(b",\"service_res\":{\"tm\":");
            push_millis(out, response.tm);
            if let Some(code) = response.http_code {
                out.extend_from_slice(b",\"http_code\":");
                out.extend_from_slice(itoa::Buffer::new().format(code).as_bytes());
            }
            if let Some(body) = &response.body {
                out.push(b',');
                push_text(out, "body", &shown.payload("body", body), VALUE_BYTES);
            }
            if let Some(err) = &response.err {
                out.push(b',');
                push_text(out, "err", &shown.text("err.msg", err), ERROR_MESSAGE_BYTES);
            }
            out.push(b'}');
        }
    }
}

impl fmt::Display for HopRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.event.as_str())?;
        if let Some(request) = &self.service_req {
            write!(f, " {}{}", request.host, request.path)?;
        }
        for (name, value) in &self.pairs {
            write!(f, " {name}={value:?}")?;
        }
        if let Some(tm) = self.tm.or(self.service_res.as_ref().map(|response| response.tm)) {
            write!(f, " tm={tm:?}")?;
        }
        if let Some(failure) = &self.failure {
            write!(f, ": {}", failure.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for HopRecord {}

/// What may be seen of a value.
#[derive(Clone, Copy)]
struct Shown<'a> {
    redaction: &'a Redaction,
    hook: Option<&'a Hook>,
}

impl Shown<'_> {
    fn text<'t>(self, key: &str, value: &'t str) -> Cow<'t, str> {
        let changed = self.hook.and_then(|hook| ask(hook, key, value));
        changed.map_or(Cow::Borrowed(value), Cow::Owned)
    }

    fn payload<'t>(self, key: &str, value: &'t str) -> Cow<'t, str> {
        let hidden = in_payload(self.redaction, value);
        let changed = self.hook.and_then(|hook| ask(hook, key, &hidden));
        changed.map_or(hidden, Cow::Owned)
    }
}

fn push_text(out: &mut Vec<u8>, name: &str, text: &str, limit: usize) {
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":\"");
    push_json(out, text, limit);
    out.push(b'"');
}

/// Milliseconds to the microsecond, which is as exact as a network is.
fn push_millis(out: &mut Vec<u8>, duration: Duration) {
    let millis = duration.as_micros() as f64 / 1000.0;
    out.extend_from_slice(zmij::Buffer::new().format(millis).as_bytes());
}
