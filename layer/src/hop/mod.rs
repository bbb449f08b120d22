//! The hops of a request: a request that this service handles, and a call that it makes while doing so. What the
//! layers for servers and clients have in common.
//!
//! A hop is a span, with ids of its own, and two records: one when it begins and one when it ends. These records are
//! the crate's own ([`HopRecord`]); an application cannot write one.

mod context;
mod current;
mod record;
mod site;

#[cfg(feature = "reqwest")]
pub(crate) use context::new_req_id;
#[cfg(feature = "tower")]
pub(crate) use context::{Arrival, X_REQUEST_ID};
pub(crate) use context::{TraceContext, new_span_id};
pub(crate) use current::current;
#[cfg(feature = "tower")]
pub(crate) use current::set_uid;
pub(crate) use record::{Failure, HopRecord};
#[cfg(feature = "reqwest")]
pub(crate) use record::{ServiceRequest, ServiceResponse};
pub(crate) use site::Site;

/// Target of every hop's span. Its level is ERROR, so that no filter by level alone takes the ids from the records
/// inside.
pub(crate) const SPAN_TARGET: &str = "log_center::span";
