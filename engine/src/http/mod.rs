//! ClickHouse's HTTP interface: what a request means, how an answer looks.

mod answer;
mod body;
mod caller;
mod format;
mod multipart;
mod request;
mod service;
mod site;

pub(crate) use service::Front;
