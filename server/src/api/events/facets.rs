use super::Search;
use crate::api::AppState;
use crate::api::query::{Count, Query, Scope, Window, refused};
use crate::error::{ApiError, ErrorBody};
use crate::search::Field;
use crate::search::field::FIELDS;
use crate::store::event_count::FacetValue;
use crate::store::limits;
use axum::Json;
use axum::extract::State;
use futures_util::future::try_join_all;
use serde::Deserialize;
use std::collections::BTreeMap;
use utoipa::IntoParams;

/// Which fields are counted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Facets {
    /// Up to 8 fields, with commas: `level`, `service`, `environment`, `scope`, `event`, `err.type` …; `level,service,environment` if absent.
    fields: Option<String>,
    /// Values of each field at most.
    #[serde(default)]
    #[param(inline)]
    limit: Values,
}

/// How many values of a field an answer has at most.
type Values = Count<{ limits::FACET_VALUES }, { limits::FACET_VALUES_MAX }>;

/// Count the values of fields.
///
/// For each field its most frequent values among the events of a search.
#[utoipa::path(
    get,
    path = "/api/v1/events/facets",
    operation_id = "count_event_values",
    tag = "events",
    params(Facets, Search, Scope, Window),
    responses(
        (status = 200, description = "For each field its values, the most frequent first.", body = BTreeMap<String, Vec<FacetValue>>),
        (status = 422, description = "An unknown parameter or a bad value; it is named.", body = ErrorBody),
        (status = 503, description = "ClickHouse is away or gave up; see Retry-After.", body = ErrorBody),
    )
)]
pub(super) async fn facets(
    State(state): State<AppState>,
    query: Query<(Facets, Search, Scope, Window)>,
) -> Result<Json<BTreeMap<&'static str, Vec<FacetValue>>>, ApiError> {
    let (facets, search, scope, window) = query.parameters;
    let filter = search.filter(&state, &scope, window)?;
    let fields = fields(facets.fields.as_deref().unwrap_or("level,service,environment"))?;
    let counts = fields.into_iter().map(async |field| {
        state.store.event_facet(&filter, field, facets.limit.0).await.map(|values| (field.name, values))
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
