//! ClickHouse in a process of its own, behind ClickHouse's HTTP interface.

mod chdb;
mod codec;
mod config;
mod error;
mod exception;
mod http;
mod libchdb;
mod lock;
mod options;
mod sandbox;
mod serve;
mod sql;
mod statement;
mod stop;

pub use error::Error;
pub use options::Options;
pub use serve::run;
