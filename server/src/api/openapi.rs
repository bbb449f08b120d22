//! `/api/openapi.json` and `/docs`, which shows it and lets one try it, without anything from elsewhere.

use super::{AppState, events, issues, projects, reports, requests, sql, stats};
use axum::Router;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::{Config, SwaggerUi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Log Center",
        description = "Errors and bunyan records of any program go in; issues come out.\n\n\
            Every failure has one form: `{\"status\": \"error\", \"error\": {\"code\", \"message\", \"field\"}}`. \
            Times are RFC 3339 in UTC.",
        license(name = "MIT OR Apache-2.0"),
    ),
    tags(
        (name = "reports", description = "Report errors."),
        (name = "events", description = "Send records."),
        (name = "issues", description = "Find and work on issues."),
        (name = "requests", description = "Find requests, and see one across services."),
        (name = "stats", description = "Figures over time."),
        (name = "sql", description = "Ask with SQL of your own."),
    )
)]
struct ApiDoc;

/// Every documented route, with the document.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(ApiDoc::openapi())
        .merge(reports::router())
        .merge(events::router())
        .merge(issues::router())
        .merge(requests::router())
        .merge(projects::router())
        .merge(stats::router())
        .merge(sql::router())
}

/// The document, for whoever wants it without a server.
pub fn document() -> utoipa::openapi::OpenApi {
    router().into_openapi()
}

/// The routes that show the document.
pub fn docs(document: utoipa::openapi::OpenApi) -> Router {
    // Nobody outside is asked whether the document is valid.
    let config =
        Config::default().validator_url("none").try_it_out_enabled(true).display_request_duration(true);
    SwaggerUi::new("/docs").config(config).url("/api/openapi.json", document).into()
}
