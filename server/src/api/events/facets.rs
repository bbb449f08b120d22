use crate::api::AppState;
use crate::api::query::{Query, refused};
use crate::error::{ApiError, ErrorBody};
use crate::search::Field;
use crate::search::field::FIELDS;
use crate::store::event_count::FacetValue;
use crate::store::limits;
use axum::Json;
use axum::extract::{RawQuery, State};
use futures_util::future::try_join_all;
use std::collections::BTreeMap;

/// Count the values of fields.
///
/// For each field its most frequent values among the events of a search.
#[utoipa::path(
    get,
    path = "/api/v1/events/facets",
    tag = "events",
    params(
        ("fields" = Option<String>, Query, description = "Up to 8 fields, with commas: `level`, `service`, `environment`, `scope`, `event`, `msg`, `status`, `err.type` …; `level,service,environment` if absent."),
        ("q" = Option<String>, Query, description = "Among the events of this search."),
        ("since" = Option<String>, Query, description = "As for the search."),
        ("until" = Option<String>, Query, description = "As for the search."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "Values of each field at most, 20 if absent."),
    ),
    responses(
        (status = 200, description = "For each field its values, the most frequent first.", body = BTreeMap<String, Vec<FacetValue>>),
        (status = 422, description = "An unknown parameter or a bad value; it is named.", body = ErrorBody),
        (status = 503, description = "ClickHouse is away or gave up; see Retry-After.", body = ErrorBody),
    )
)]
pub(super) async fn facets(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
) -> Result<Json<BTreeMap<&'static str, Vec<FacetValue>>>, ApiError> {
    let query = Query::parse(query.as_deref(), &["fields", "q", "since", "until", "limit"], &[])?;
    let filter = super::filter(&state, &query)?;
    let limit = query.number("limit", limits::FACET_VALUES, limits::FACET_VALUES_MAX)?;
    let fields = fields(query.text("fields").unwrap_or("level,service,environment"))?;
    let counts = fields.into_iter().map(async |field| {
        state.store.event_facet(&filter, field, limit).await.map(|values| (field.name, values))
    });
    Ok(Json(try_join_all(counts).await?.into_iter().collect()))
}

fn fields(list: &str) -> Result<Vec<&'static Field>, ApiError> {
    let countable = || FIELDS.iter().filter(|field| field.is_countable());
    let named = |name: &str| {
        Field::named(name.trim()).filter(|field| field.is_countable()).ok_or_else(|| {
            let names: Vec<_> = countable().map(|field| field.name).collect();
            refused("fields", format!("must be some of {}", names.join(", ")))
        })
    };
    let fields: Vec<_> = list.split(',').map(named).collect::<Result<_, _>>()?;
    if fields.len() > limits::FACET_FIELDS_MAX {
        return Err(refused("fields", format!("must be at most {}", limits::FACET_FIELDS_MAX)));
    }
    Ok(fields)
}
