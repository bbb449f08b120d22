use md5::{Digest, Md5};
use std::fmt;
use std::str::FromStr;

/// What makes two errors of one project the same issue: the MD5 of project, error type, file path and line number.
///
/// ```
/// use log_center_wire::Fingerprint;
/// let fingerprint = Fingerprint::new("rtc_backend", "ValueError", "apps/users/views.py", 42);
/// assert_eq!(fingerprint.to_string(), "c28b25b7d52420836670e6e071f446f4");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// Hashes the UTF-8 concatenation of the four, without separators, the number in decimal.
    pub fn new(project: &str, error_type: &str, file_path: &str, line_number: u32) -> Self {
        let mut md5 = Md5::new();
        md5.update(project);
        md5.update(error_type);
        md5.update(file_path);
        md5.update(line_number.to_string());
        Self(md5.finalize().into())
    }

    /// The hash itself.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// A fingerprint from the bytes that [`as_bytes`](Self::as_bytes) gave.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The issue that the events of this project with this fingerprint belong to. Two projects can have a fingerprint in
    /// common, because it is hashed without separators (`shop` + `2FAError` = `shop2` + `FAError`), but no issue.
    ///
    /// ```
    /// use log_center_wire::Fingerprint;
    /// let one = Fingerprint::new("shop", "2FAError", "a.py", 1);
    /// let other = Fingerprint::new("shop2", "FAError", "a.py", 1);
    /// assert_eq!(one, other);
    /// assert_ne!(one.issue_id("shop"), other.issue_id("shop2"));
    /// ```
    pub fn issue_id(&self, project: &str) -> IssueId {
        // The fingerprint always has 16 bytes, so no other pair is hashed to the same text.
        let hash: [u8; 16] = Md5::new().chain_update(self.0).chain_update(project).finalize().into();
        let [a, b, c, d, e, f, g, h, ..] = hash;
        IssueId(u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> IssueId::SHIFT)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// The number of an issue: the first 53 bits of the MD5 of its fingerprint (16 bytes) followed by its project. So
/// JavaScript holds it exactly, and it is the same after a restart, on every replica, and after data is loaded anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IssueId(u64);

impl IssueId {
    const SHIFT: u32 = 11;

    /// The number, below 2^53.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// An id from its number; `None` from 2^53 on.
    pub const fn from_number(number: u64) -> Option<Self> {
        if number >> (u64::BITS - Self::SHIFT) == 0 { Some(Self(number)) } else { None }
    }
}

impl fmt::Display for IssueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for IssueId {
    type Err = ParseIssueIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().ok().and_then(Self::from_number).ok_or(ParseIssueIdError)
    }
}

/// The text is not the number of an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseIssueIdError;

impl fmt::Display for ParseIssueIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be an integer from 0 to 9007199254740991")
    }
}

impl std::error::Error for ParseIssueIdError {}
