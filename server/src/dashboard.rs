//! The plain pages of port 8003: a list of issues, and one issue. No script, nothing from elsewhere.

mod page;

use crate::api::AppState;
use crate::api::compression::{compression, with_known_encodings};
use crate::api::door::{Audience, Doors};
use crate::api::issues::list::ListQuery;
use crate::api::issues::one;
use crate::clock;
use crate::error::ApiError;
use crate::store::limits;
use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use log_center_wire::IssueId;
use maud::Markup;
use tower::util::MapRequestLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa::openapi::OpenApi;

/// The pages hold what strangers wrote. Should one of them ever get through as markup, it finds that nothing runs.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// All pages.
pub fn router(state: AppState) -> Router {
    let header = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value))
    };
    let missing = async || failed(ApiError::NotFound("there is nothing at this address".to_owned()));
    let not_allowed = async || failed(ApiError::MethodNotAllowed);
    Doors::new(OpenApi::default(), state.hosts.clone())
        .undocumented(Audience::PeopleOpen, "/", get(issues))
        .undocumented(Audience::PeopleOpen, "/issues/{id}", get(issue))
        .undocumented(Audience::ThisSiteReads, "/page.css", get(style))
        .into_router(state, missing, not_allowed)
        .layer(header(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .layer(header(header::CACHE_CONTROL, "no-store"))
        .layer((MapRequestLayer::new(with_known_encodings), compression()))
}

async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], page::STYLE)
}

async fn issues(State(state): State<AppState>, RawQuery(raw): RawQuery) -> Response {
    let asked = match ListQuery::parse(raw.as_deref(), clock::now()) {
        Ok(asked) => asked,
        Err(error) => return failed(error),
    };
    let filter = asked.filter.clone();
    match asked.run(&state.store).await {
        Ok(found) => shown(page::issues(&filter, raw.as_deref().unwrap_or_default(), &found)),
        Err(error) => failed(error),
    }
}

async fn issue(State(state): State<AppState>, Path(id): Path<String>) -> Response {
    let Ok(id) = id.parse::<IssueId>() else {
        return failed(ApiError::NotFound("there is no such issue".to_owned()));
    };
    match one::detail(&state, id, limits::HISTOGRAM_HOURS).await {
        Ok(detail) => shown(page::issue(&detail)),
        Err(error) => failed(error),
    }
}

fn shown(page: Markup) -> Response {
    Html(page.into_string()).into_response()
}

fn failed(error: ApiError) -> Response {
    let text = error.to_string();
    // For status, headers and the log; its JSON is for programs.
    let mut response = error.into_response();
    let title = match response.status() {
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::METHOD_NOT_ALLOWED => "This page can only be read",
        StatusCode::UNPROCESSABLE_ENTITY => "This address cannot be read",
        StatusCode::SERVICE_UNAVAILABLE => "ClickHouse does not answer",
        _ => "Something went wrong",
    };
    *response.body_mut() = page::failed(title, &text).into_string().into();
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}
