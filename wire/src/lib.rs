//! The contract of Log Center as Rust types: what travels between a program, the server and whoever reads.
//!
//! Two things arrive. A program in any language posts an [`ErrorReport`]; a service that logs bunyan JSON
//! sends [`Record`]s, alone or in a [`batch`]. What is refused comes back as a [`DecodeError`](decode::DecodeError), which
//! tells malformed JSON from a wrong field and names the field. An error, however it came, has a
//! [`Fingerprint`]; all events of a project with one fingerprint are an issue, whose [`IssueId`] is a pure function of both
//! and whose [`IssueStatus`] changes only along the edges listed there. What belongs to one HTTP request
//! shares a [`RequestId`].
//!
//! Everything here is pure: no I/O, no clock, no async runtime, no logging. Every limit stands in [`limits`].
//!
//! The feature `decode` (on by default) brings the readers. A program that only writes records takes the
//! crate without it and gets levels, scopes, fingerprints and limits at the price of `serde` and `md-5`.

#[cfg(feature = "decode")]
mod attributes;
#[cfg(feature = "decode")]
pub mod batch;
#[cfg(feature = "decode")]
pub mod decode;
pub mod extra;
mod fingerprint;
mod issue;
#[cfg(feature = "decode")]
mod json;
mod level;
pub mod limits;
#[cfg(feature = "decode")]
mod record;
#[cfg(feature = "decode")]
mod report;
mod request_id;
mod scope;
#[cfg(feature = "decode")]
pub mod stack;
#[cfg(feature = "decode")]
mod text;
#[cfg(feature = "decode")]
mod time;

pub use fingerprint::{Fingerprint, IssueId, ParseIssueIdError};
pub use issue::{IssueStatus, ParseStatusError, REGRESSION_ACTOR};
pub use level::{Level, ParseLevelError};
#[cfg(feature = "decode")]
pub use record::{Client, ErrorInfo, Perf, Record, ServiceRequest, ServiceResponse};
#[cfg(feature = "decode")]
pub use report::ErrorReport;
pub use request_id::{RequestId, RequestIdError};
pub use scope::{EventKind, ParseEventKindError, Scope};
#[cfg(feature = "decode")]
pub use time::{TimeError, UnixMillis};
