use super::{TRACEPARENT, TraceContext, X_REQUEST_ID};
use http::{HeaderMap, HeaderValue};
use uuid::Uuid;

impl TraceContext {
    /// Tells the next service. What the headers said before of another hop is gone.
    pub(crate) fn depart(&self, headers: &mut HeaderMap) {
        let traceparent = format!("00-{}-{}-01", trace_id(&self.req_id).simple(), self.span_id);
        for (name, value) in [(X_REQUEST_ID, &self.req_id), (TRACEPARENT, &traceparent)] {
            // Only visible ASCII gets this far.
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        }
    }
}

/// The 32 digits of a UUID, with or without hyphens (nginx has none); of another id always the same 32.
fn trace_id(req_id: &str) -> Uuid {
    match Uuid::try_parse(req_id) {
        Ok(id) if !id.is_nil() => id,
        _ => Uuid::from_u128(fnv1a(req_id.as_bytes()).max(1)),
    }
}

/// FNV-1a: every service derives the same number from an id, with nothing to agree on but this.
fn fnv1a(bytes: &[u8]) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.iter().fold(OFFSET, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME))
}
