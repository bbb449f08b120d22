//! ClickHouse's HTTP interface: what a request means, how an answer looks.

mod answer;
mod arrival;
mod body;
mod caller;
mod format;
mod multipart;
mod refusals;
mod request;
mod service;
mod site;

pub(crate) use refusals::REFUSALS;
pub(crate) use service::Front;
