//! `/api/openapi.json` and `/docs`, which shows it and lets one try it, without anything from elsewhere.

use super::door::{Audience, Doors};
use super::{AppState, events, issues, projects, reports, requests, sql, stats};
use axum::Router;
use axum::http::{HeaderValue, header};
use log_center_engine::site::Hosts;
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa::OpenApi;
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

/// What Swagger UI needs: its own files, pictures within its styles, and to ask this API.
const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                           connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Every documented route, and then the page that shows them.
pub fn routes(hosts: Hosts) -> Doors {
    let doors = documented(hosts);
    let document = doors.document().clone();
    doors.mounted(Audience::PeopleOpen, docs(document))
}

/// The document, for whoever wants it without a server.
pub fn document() -> utoipa::openapi::OpenApi {
    documented(Hosts::default()).document().clone()
}

fn documented(hosts: Hosts) -> Doors {
    let doors = Doors::new(ApiDoc::openapi(), hosts);
    let nouns = [
        reports::routes,
        events::routes,
        issues::routes,
        requests::routes,
        projects::routes,
        stats::routes,
        sql::routes,
    ];
    nouns.into_iter().fold(doors, |doors, routes| routes(doors))
}

fn docs(document: utoipa::openapi::OpenApi) -> Router<AppState> {
    // Nobody outside is asked whether the document is valid.
    let config =
        Config::default().validator_url("none").try_it_out_enabled(true).display_request_duration(true);
    let routes = Router::from(SwaggerUi::new("/docs").config(config).url("/api/openapi.json", document));
    let policy = HeaderValue::from_static(DOCS_POLICY);
    routes.layer(SetResponseHeaderLayer::overriding(header::CONTENT_SECURITY_POLICY, policy))
}
