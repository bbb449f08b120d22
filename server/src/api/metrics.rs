//! `/metrics`, for Prometheus.

use super::AppState;
use super::door::{Audience, Doors};
use crate::clock;
use crate::event::Source;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// The routes of this noun.
pub fn routes(doors: Doors) -> Doors {
    doors.undocumented(Audience::ThisSiteReads, "/metrics", get(metrics))
}

async fn metrics(State(state): State<AppState>) -> impl IntoResponse {
    metrics::gauge!("log_center_spool_bytes").set(state.spool.waiting_bytes() as f64);
    let waiting = state.spool.end().borrow().saturating_sub(state.progress.stored());
    metrics::gauge!("log_center_spool_entries").set(waiting as f64);
    metrics::gauge!("log_center_disk_failing").set(f64::from(u8::from(state.spool.disk_failure().is_some())));
    if let Some(bytes) = state.spool.free_bytes() {
        metrics::gauge!("log_center_disk_free_bytes").set(bytes as f64);
    }
    metrics::gauge!("log_center_tail_subscribers").set(state.tail.subscribers() as f64);
    // Sorting the times in here takes longer than all the rest, and need not keep the spool waiting.
    state.metrics.run_upkeep();
    // What came must be stored or in the spool at every look, and not only when nothing happens.
    let text = state.spool.at_rest(|waiting| {
        metrics::gauge!("log_center_spool_events").set(waiting.events as f64);
        let age_ms = waiting.since.map_or(0, |since| (clock::now().0 - since.0).max(0));
        metrics::gauge!("log_center_lag_seconds").set(age_ms as f64 / 1000.0);
        state.metrics.render()
    });
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}

/// Says what each figure is.
pub fn describe() {
    describe_counter!("log_center_accepted_total", "Events kept since the start, by the way they came");
    describe_counter!(
        "log_center_resumed_total",
        "Events that were found in the spool at the start, or after its disk had failed"
    );
    describe_counter!("log_center_stored_total", "Events that have left the spool for ClickHouse");
    describe_counter!("log_center_duplicates_total", "Events that had been here before");
    describe_counter!(
        "log_center_lost_events_total",
        "Events that were kept and are gone since a disk, a file or ClickHouse lost them, at most"
    );
    describe_counter!("log_center_rejected_total", "Records refused within a batch, by code");
    describe_counter!("log_center_errors_total", "Requests that failed, by the code of their answer");
    describe_counter!("log_center_stored_rows_total", "Rows of events written to ClickHouse");
    describe_counter!(
        "log_center_write_failures_total",
        "Attempts of the writer that failed or had an unclear end"
    );
    describe_counter!("log_center_engine_restarts_total", "Times that the embedded engine was started again");
    describe_counter!(
        "log_center_engine_hung_total",
        "Times that the embedded engine was killed because it did not answer"
    );
    describe_counter!("log_center_http_requests_total", "Requests, by path, method and status");
    describe_histogram!("log_center_http_request_duration_seconds", Unit::Seconds, "Time to the answer");
    describe_histogram!(
        "log_center_write_duration_seconds",
        Unit::Seconds,
        "Time to write one range of the spool"
    );
    describe_gauge!("log_center_spool_bytes", Unit::Bytes, "What waits for ClickHouse");
    describe_gauge!("log_center_spool_events", "Events that wait for ClickHouse");
    describe_gauge!("log_center_lag_seconds", Unit::Seconds, "Age of the oldest of them, 0 if there is none");
    describe_histogram!("log_center_insert_rows", "Rows of one insert of events into ClickHouse");
    describe_gauge!("log_center_spool_entries", "Entries that wait for ClickHouse, at most");
    describe_gauge!("log_center_tail_subscribers", "Connections that follow events as they arrive");
    describe_counter!("log_center_parts_put_aside_total", "Damaged parts of tables that were put aside");
    describe_gauge!(
        "log_center_parts_detached",
        "Damaged parts that lie in the folders `detached` of tables"
    );
    describe_gauge!(
        "log_center_parts_unreadable",
        "Damaged parts in their places, as far as somebody tried to read them"
    );
    describe_gauge!("log_center_disk_failing", "1 while the spool cannot write");
    describe_gauge!("log_center_disk_free_bytes", Unit::Bytes, "Room on the disk of the spool");
    // What has not happened yet is 0, not absent: whoever adds these up finds all of them.
    for source in Source::ALL {
        metrics::counter!("log_center_accepted_total", "source" => source.as_str()).increment(0);
    }
    for name in [
        "log_center_resumed_total",
        "log_center_stored_total",
        "log_center_stored_rows_total",
        "log_center_duplicates_total",
        "log_center_lost_events_total",
        "log_center_write_failures_total",
        "log_center_engine_restarts_total",
        "log_center_engine_hung_total",
        "log_center_parts_put_aside_total",
    ] {
        metrics::counter!(name).increment(0);
    }
}
