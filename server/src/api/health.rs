//! `/health/live` and `/health/ready`.

use super::AppState;
use crate::error::{ApiError, RETRY_AFTER_SECONDS};
use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use serde::Serialize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::timeout;

/// How long ClickHouse may take to say that it is there.
const PING_TIMEOUT: Duration = Duration::from_secs(1);

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
            message: "the server does not know ClickHouse's issues yet".to_owned(),
            retry_after_seconds: RETRY_AFTER_SECONDS,
        })
    }
}

#[derive(Serialize)]
struct Ready {
    status: &'static str,
    /// Whether reports and records are taken.
    ingest: &'static str,
    /// Whether ClickHouse answers.
    clickhouse: &'static str,
    /// Whether the spool can write.
    spool: &'static str,
    spool_bytes: u64,
}

/// The routes of this noun.
pub fn router() -> Router<AppState> {
    Router::new().route("/health/live", get(live)).route("/health/ready", get(ready))
}

async fn live() -> Json<serde_json::Value> {
    Json(serde_json::json!({"status": "ok"}))
}

async fn ready(State(state): State<AppState>) -> (StatusCode, Json<Ready>) {
    let readiness = &state.readiness;
    let accepts = readiness.accepts.load(Ordering::Acquire) && !readiness.stopping.load(Ordering::Acquire);
    let ping = state.store.client().query("SELECT 1").fetch_one::<u8>();
    let answers = timeout(PING_TIMEOUT, ping).await.is_ok_and(|answer| answer.is_ok());
    let writes = state.spool.disk_failure().is_none();
    let word = |ok: bool| if ok { "ok" } else { "failing" };
    let is_ready = accepts && answers && writes;
    let ready = Ready {
        status: if is_ready { "ok" } else { "unavailable" },
        ingest: word(accepts),
        clickhouse: word(answers),
        spool: word(writes),
        spool_bytes: state.spool.waiting_bytes(),
    };
    (if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(ready))
}
