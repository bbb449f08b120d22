//! The server as its users meet it: the real program, the real engine, HTTP.
//!
//! Each test has a server and a database of its own. With `LOG_CENTER_CLICKHOUSE_URL` the servers share the
//! ClickHouse of that address instead of each starting an engine: that is the remote path.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(unreachable_pub, reason = "a test binary is reached by nobody")]

mod absent;
mod bad_input;
mod broken_parts;
mod compression;
mod cookbook;
mod counts;
mod damage;
mod dashboard;
mod delivery;
mod doors;
mod durability;
mod engine_child;
mod error_places;
mod event_ids;
mod events;
mod faulty_front;
mod fields;
mod grafana;
mod harness;
mod hostile;
mod idempotency;
mod issues;
mod late;
mod lifecycle;
mod metrics;
mod openapi;
mod other_programs;
mod own_log;
mod queries;
mod random_records;
mod reports;
mod request_list;
mod requests;
mod rooms;
mod schema;
mod search;
mod shippers;
mod shop;
mod sql;
mod sql_limits;
mod states;
mod stats;
mod store_empty;
mod tail;
mod two_servers;
mod verdict;
