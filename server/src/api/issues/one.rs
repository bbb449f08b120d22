use super::{Id, find};
use crate::api::AppState;
use crate::api::query::{Count, Query};
use crate::error::{ApiError, ErrorBody};
use crate::store::issue::{HourCount, Issue};
use crate::store::limits;
use crate::store::occurrence::Occurrence;
use crate::store::value::Status;
use axum::Json;
use axum::extract::State;
use log_center_wire::IssueId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// An issue with what is needed to work on it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IssueDetail {
    #[serde(flatten)]
    pub(crate) issue: Issue,
    /// The latest occurrence.
    pub(crate) sample: Option<Occurrence>,
    /// Occurrences by the hour, oldest first. Hours without any are left out.
    pub(crate) histogram: Vec<HourCount>,
    /// The states that the issue can be moved to.
    pub(crate) allowed: Vec<Status>,
}

/// An issue with sample and histogram.
///
/// # Errors
/// 404 there is no such, 503 ClickHouse is away.
pub(crate) async fn detail(state: &AppState, id: IssueId, hours: u32) -> Result<IssueDetail, ApiError> {
    let issue = find(state, id).await?;
    let sample = state.store.occurrences(&issue, None, 1);
    let histogram = state.store.issue_hours(id, hours);
    let (mut sample, histogram) = tokio::try_join!(sample, histogram)?;
    let allowed = issue.status.0.allowed().iter().copied().map(Status).collect();
    Ok(IssueDetail { issue, sample: sample.pop(), histogram, allowed })
}

/// How much of the past is counted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Histogram {
    /// How far back the histogram goes, in hours.
    #[serde(default)]
    #[param(inline)]
    hours: Hours,
}

type Hours = Count<{ limits::HISTOGRAM_HOURS }, { limits::HISTOGRAM_HOURS_MAX }>;

/// Show an issue.
#[utoipa::path(
    get,
    path = "/api/v1/issues/{id}",
    operation_id = "get_issue",
    tag = "issues",
    params(
        ("id" = u64, Path, description = "The issue."),
        Histogram,
    ),
    responses(
        (status = 200, description = "The issue.", body = IssueDetail),
        (status = 404, description = "There is no such issue.", body = ErrorBody),
        (status = 422, description = "`id` or a parameter is wrong; it is named.", body = ErrorBody),
        (status = 503, description = "ClickHouse is away; see Retry-After.", body = ErrorBody),
    )
)]
pub(super) async fn one(
    State(state): State<AppState>,
    Id(id): Id,
    query: Query<(Histogram,)>,
) -> Result<Json<IssueDetail>, ApiError> {
    let (histogram,) = query.parameters;
    detail(&state, id, histogram.hours.0).await.map(Json)
}
