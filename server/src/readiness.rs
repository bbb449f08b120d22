//! Whether the server takes reports and records at this moment.

use crate::error::{ApiError, RETRY_AFTER_SECONDS};
use std::sync::atomic::{AtomicBool, Ordering};

/// What the server has reached since it started.
#[derive(Debug, Default)]
pub struct Readiness {
    accepts: AtomicBool,
    stopping: AtomicBool,
}

impl Readiness {
    /// The issue index is complete: reports can be told new from known.
    pub fn set_accepts(&self) {
        self.accepts.store(true, Ordering::Release);
    }

    /// No more work is wanted.
    pub fn set_stopping(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Whether no more work is wanted.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Whether reports and records can be taken.
    ///
    /// # Errors
    /// 503 `starting`.
    pub fn check_ingest(&self) -> Result<(), ApiError> {
        if self.accepts.load(Ordering::Acquire) {
            return Ok(());
        }
        Err(ApiError::Unavailable {
            code: "starting",
            message: "the server has just started and reads the known issues from ClickHouse; send it again in a moment".to_owned(),
            retry_after_seconds: RETRY_AFTER_SECONDS,
        })
    }
}
