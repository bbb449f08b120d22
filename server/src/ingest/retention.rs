//! How long an event is kept.

/// Days for which an event is kept unless configured otherwise: a year and a month, so that a month can be
/// compared with the same one of the year before.
pub const DEFAULT_RETENTION_DAYS: u16 = 400;
