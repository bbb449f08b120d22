//! The contract, from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod batch;
mod fingerprint;
mod issue;
mod other_programs;
mod record;
mod report;
mod stack;
mod words;
