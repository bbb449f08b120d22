use super::{TRACEPARENT, X_REQUEST_ID, new_req_id};
use http::{HeaderMap, HeaderValue};
use log_center_wire::RequestId;
use uuid::Uuid;

/// What a request said of itself.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) req_id: String,
    /// The caller's `span_id`; empty if it did not tell.
    pub(crate) parent_id: String,
    /// An `X-Request-Id` that cannot be one.
    pub(crate) refused: Option<String>,
}

impl Arrival {
    /// Reads what came. Without an id in it the request gets one.
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let trace = headers.get(TRACEPARENT).and_then(|value| Traceparent::parse(value.as_bytes()));
        let given = headers.get(X_REQUEST_ID).map(HeaderValue::as_bytes);
        let valid = given.and_then(|given| RequestId::new(std::str::from_utf8(given).ok()?).ok());
        let refused = match (&valid, given) {
            (None, Some(given)) => Some(String::from_utf8_lossy(given).into_owned()),
            _ => None,
        };
        let req_id = match (valid, &trace) {
            (Some(given), _) => given.as_str().to_owned(),
            (None, Some(trace)) => trace.id.to_string(),
            (None, None) => new_req_id(),
        };
        Self { req_id, parent_id: trace.map(|trace| trace.parent_id).unwrap_or_default(), refused }
    }
}

/// `00-<32 hex>-<16 hex>-<2 hex>`.
struct Traceparent {
    id: Uuid,
    parent_id: String,
}

impl Traceparent {
    fn parse(value: &[u8]) -> Option<Self> {
        let mut parts = std::str::from_utf8(value).ok()?.trim().split('-');
        let mut part = |length: usize| {
            let part = parts.next()?;
            let is_hex = part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            (part.len() == length && is_hex).then_some(part)
        };
        let (version, id, parent_id, _flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
        // Later versions may append parts; this one has none.
        if version == "ff" || (version == "00" && parts.next().is_some()) {
            return None;
        }
        let id = Uuid::try_parse(id).ok().filter(|id| !id.is_nil())?;
        let known = parent_id.bytes().any(|digit| digit != b'0');
        known.then(|| Self { id, parent_id: parent_id.to_owned() })
    }
}
