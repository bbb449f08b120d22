//! The contract, from outside.

mod batch;
mod fingerprint;
mod issue;
mod record;
mod report;
mod words;
