//! Whether the server lives, takes reports, and can be read; and all of it with reasons.
//!
//! Taking and reading are apart: while ClickHouse is away reports are still taken, and a balancer must not drop the
//! server that keeps them.

use super::AppState;
use super::door::{Audience, Doors};
use crate::parts::{ASIDE_ACTION, Broken, UNREADABLE_ACTION};
use crate::spool::{Loss, SpoolError};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use serde::Serialize;

/// So many damaged parts are named; the log names all.
const PARTS_NAMED: usize = 5;

/// A part of the server: its word, and what is the matter while it fails.
#[derive(Serialize)]
struct Part {
    /// `ok`, `degraded` (it works, and has lost something) or `failing`.
    status: &'static str,
    /// The code with which requests are refused for it, or `events_lost`.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// What is the matter.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'static str>,
}

/// The spool with its figures.
#[derive(Serialize)]
struct SpoolPart {
    #[serde(flatten)]
    part: Part,
    waiting_bytes: u64,
    waiting_events: u64,
    /// Events that it was found to have lost since the server started, at most.
    lost_events: u64,
    /// Room on its disk; absent if the disk does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    free_bytes: Option<u64>,
}

/// The parts of the tables in the embedded ClickHouse.
#[derive(Serialize)]
struct Parts {
    #[serde(flatten)]
    part: Part,
    /// Damaged ones that were put aside since the start.
    put_aside: u64,
    /// Damaged ones that lie in the folders `detached`.
    detached: u64,
    /// Damaged ones that are in their places, as far as somebody has tried to read them.
    unreadable: u64,
}

/// `/health/ready`.
#[derive(Serialize)]
struct Ready {
    status: &'static str,
    /// Whether reports and records are taken: the issues are known, and the server is not stopping.
    ingest: Part,
    /// Whether what is taken can be made durable.
    spool: SpoolPart,
}

/// `/health/ready/read`.
#[derive(Serialize)]
struct ReadyToRead {
    status: &'static str,
    clickhouse: Part,
}

/// `/health`.
#[derive(Serialize)]
struct Health {
    status: &'static str,
    ingest: Part,
    spool: SpoolPart,
    clickhouse: Part,
    parts: Parts,
}

/// The routes of this noun.
pub fn routes(doors: Doors) -> Doors {
    doors
        .undocumented(Audience::ThisSiteReads, "/health", get(health))
        .undocumented(Audience::AnyoneProbes, "/health/live", get(live))
        .undocumented(Audience::AnyoneProbes, "/health/ready", get(ready))
        .undocumented(Audience::AnyoneProbes, "/health/ready/read", get(ready_to_read))
}

async fn live() -> Json<serde_json::Value> {
    Json(serde_json::json!({"status": "ok"}))
}

async fn ready(State(state): State<AppState>) -> (StatusCode, Json<Ready>) {
    let (ingest, spool) = (ingest(&state), spool(&state));
    let (code, status) = verdict(ingest.is_ok() && spool.part.is_ok());
    (code, Json(Ready { status, ingest, spool }))
}

async fn ready_to_read(State(state): State<AppState>) -> (StatusCode, Json<ReadyToRead>) {
    let clickhouse = clickhouse(&state).await;
    let (code, status) = verdict(clickhouse.is_ok());
    (code, Json(ReadyToRead { status, clickhouse }))
}

/// Answers 200 whatever fails: it is for people and monitoring, which read the words.
async fn health(State(state): State<AppState>) -> Json<Health> {
    let (ingest, spool, clickhouse) = (ingest(&state), spool(&state), clickhouse(&state).await);
    let tables = parts(&state);
    let parts = [&ingest, &spool.part, &clickhouse, &tables.part];
    let words = ["failing", "degraded"];
    let status = words.into_iter().find(|word| parts.iter().any(|part| part.status == *word)).unwrap_or("ok");
    Json(Health { status, ingest, spool, clickhouse, parts: tables })
}

fn verdict(is_ready: bool) -> (StatusCode, &'static str) {
    if is_ready { (StatusCode::OK, "ok") } else { (StatusCode::SERVICE_UNAVAILABLE, "unavailable") }
}

fn ingest(state: &AppState) -> Part {
    if state.readiness.is_stopping() {
        return Part::failing(
            "shutting_down",
            "the server is stopping".to_owned(),
            "Send to another server.",
        );
    }
    match state.readiness.check_ingest() {
        Ok(()) => Part::OK,
        Err(error) => Part::failing(
            "starting",
            error.to_string(),
            "Wait until ClickHouse answers; see `clickhouse` in /health.",
        ),
    }
}

fn spool(state: &AppState) -> SpoolPart {
    let part = match state.spool.check() {
        Ok(()) => Part::whole_but(state.spool.loss()),
        Err(error @ SpoolError::Full) => Part::failing(
            "spool_full",
            error.to_string(),
            "See why ClickHouse takes nothing (`clickhouse` in /health and the log), or raise LOG_CENTER_SPOOL_MAX_BYTES.",
        ),
        Err(error @ SpoolError::Damaged(_)) => Part::failing(
            "spool_damaged",
            error.to_string(),
            "Do what the reason says; nothing that is in ClickHouse is lost.",
        ),
        Err(error) => Part::failing(
            "disk_failing",
            error.to_string(),
            "Make room on the disk of LOG_CENTER_DATA_DIR, or see to it that it can be written; no restart is needed.",
        ),
    };
    SpoolPart {
        part,
        waiting_bytes: state.spool.waiting_bytes(),
        waiting_events: state.spool.waiting_events(),
        lost_events: state.spool.loss().map_or(0, |loss| loss.events),
        free_bytes: state.spool.free_bytes(),
    }
}

fn parts(state: &AppState) -> Parts {
    let Broken { detached, unreadable } = state.parts.broken();
    let (detached_count, unreadable_count) = (detached.len() as u64, unreadable.len() as u64);
    let names = |names: &mut dyn Iterator<Item = &String>| {
        names.take(PARTS_NAMED).map(String::as_str).collect::<Vec<_>>().join(", ")
    };
    let mut reasons = Vec::new();
    if unreadable_count > 0 {
        let named = names(&mut unreadable.keys());
        reasons.push(format!("{unreadable_count} parts cannot be read: {named}"));
    }
    if detached_count > 0 {
        let named = names(&mut detached.iter());
        reasons
            .push(format!("{detached_count} damaged parts lie in folders `detached` of the tables: {named}"));
    }
    let action = if unreadable_count > 0 { UNREADABLE_ACTION } else { ASIDE_ACTION };
    let part = match reasons.is_empty() {
        true => Part::OK,
        false => Part::failing("part_broken", reasons.join("; "), action),
    };
    Parts { part, put_aside: state.parts.put_aside(), detached: detached_count, unreadable: unreadable_count }
}

async fn clickhouse(state: &AppState) -> Part {
    let error = match state.store.ping().await {
        Ok(()) => return Part::whole_but(state.spool.loss_of_clickhouse()),
        Err(error) => error,
    };
    let cause = error.cause();
    Part::failing(cause.code(), error.to_string(), cause.action())
}

impl Part {
    const OK: Part = Part { status: "ok", code: None, reason: None, action: None };

    fn failing(code: &'static str, reason: String, action: &'static str) -> Self {
        Self { status: "failing", code: Some(code), reason: Some(reason), action: Some(action) }
    }

    /// A part that works, and may have lost something since the server started.
    fn whole_but(loss: Option<Loss>) -> Self {
        match loss {
            None => Self::OK,
            Some(Loss { reason, action, .. }) => Self {
                status: "degraded",
                code: Some("events_lost"),
                reason: Some(reason),
                action: Some(action),
            },
        }
    }

    /// Whether it works.
    fn is_ok(&self) -> bool {
        self.status != "failing"
    }
}
