/// Answers below HTTP's, to what is no request, or too much of one. Each is all that goes over the wire, after which the connection is
/// closed.
#[derive(Debug)]
pub struct Refusals {
    /// 408, to a head that does not come to its end in time.
    pub slow_head: &'static str,
    /// 503, to a connection for which there is no place.
    pub too_many_connections: &'static str,
    /// 400, to a head that is not HTTP.
    pub bad_head: &'static str,
    /// 414.
    pub long_url: &'static str,
    /// 431.
    pub long_head: &'static str,
}

impl Refusals {
    /// What is sent instead of hyper's own answer to a head that it cannot read, which has no text.
    pub(super) fn instead_of(&self, answer: &[u8]) -> Option<&'static str> {
        let head = std::str::from_utf8(answer).ok()?;
        let status = head.strip_prefix("HTTP/1.1 ").or_else(|| head.strip_prefix("HTTP/1.0 "))?;
        if !head.contains("\r\ncontent-length: 0\r\n") || !head.ends_with("\r\n\r\n") {
            return None;
        }
        match status.get(..4)? {
            "400 " => Some(self.bad_head),
            "414 " => Some(self.long_url),
            "431 " => Some(self.long_head),
            _ => None,
        }
    }
}
