//! Who may use a route. Each declares it, and there is no way to add one that does not: [`Doors`] is all that nouns get.
//!
//! | | any host | page of another site | body |
//! |---|---|---|---|
//! | [`Audience::AnyoneSends`] | yes | yes, and it sees the answer | the handler says |
//! | [`Audience::AnyoneProbes`] | yes, but sees the verdict alone | no | |
//! | [`Audience::PeopleOpen`] | no | no, but for a link that somebody follows | |
//! | [`Audience::ThisSiteReads`] | no | no | |
//! | [`Audience::ThisSiteChanges`] | no | no | JSON only |
//! | [`Audience::Nobody`], what is not there | no | no | |
//!
//! Programs name no site, and so all of it is open to them.

use super::AppState;
use super::origin::cors;
use crate::error::{ApiError, ErrorBody};
use axum::Json;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use axum::{Router, routing};
use log_center_engine::site::{self, Hosts, OtherSite};
use serde_json::json;
use tower::util::MapResponseLayer;
use utoipa::ToSchema;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, Response as Described};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Programs and pages wherever they come from send here, by whatever name they know this machine. What they learn is
    /// what became of what they sent.
    AnyoneSends,
    /// Balancers and orchestrators ask, by an address, a name of their own or none at all.
    AnyoneProbes,
    /// People open it in a browser, also by a link in a chat or a mail. It holds no state and reading it changes nothing.
    PeopleOpen,
    /// Programs, and pages of this very origin, read.
    ThisSiteReads,
    /// The same change something, or run a statement of their own.
    ThisSiteChanges,
    /// The same learn that there is nothing here.
    Nobody,
}

/// Routes, each with who may use it.
pub struct Doors {
    routes: OpenApiRouter<AppState>,
    hosts: Hosts,
}

impl Doors {
    /// None yet. `hosts` are the names of this machine.
    pub fn new(document: OpenApi, hosts: Hosts) -> Self {
        Self { routes: OpenApiRouter::with_openapi(document), hosts }
    }

    /// Adds handlers that are documented.
    pub fn documented(
        mut self,
        audience: Audience,
        (schemas, mut paths, methods): UtoipaMethodRouter<AppState>,
    ) -> Self {
        paths.paths.values_mut().flat_map(operations).for_each(|operation| audience.describe(operation));
        let methods = self.guarded(audience, methods);
        self.routes = self.routes.routes((schemas, paths, methods));
        self
    }

    /// Adds handlers that are not.
    pub fn undocumented(mut self, audience: Audience, path: &str, methods: MethodRouter<AppState>) -> Self {
        let methods = self.guarded(audience, methods);
        self.routes = self.routes.route(path, methods);
        self
    }

    /// Adds routes that another crate made.
    pub fn mounted(mut self, audience: Audience, routes: Router<AppState>) -> Self {
        let guard = from_fn_with_state((audience, self.hosts.clone()), guard);
        self.routes = self.routes.merge(OpenApiRouter::from(routes.route_layer(guard)));
        self
    }

    /// What is documented so far.
    pub fn document(&self) -> &OpenApi {
        self.routes.get_openapi()
    }

    /// All of it. What is not there, and methods that a path does not have, are answered by `missing` and `not_allowed`.
    pub fn into_router<M: 'static, N: 'static>(
        self,
        state: AppState,
        missing: impl Handler<M, AppState>,
        not_allowed: impl Handler<N, AppState>,
    ) -> Router {
        let guard = from_fn_with_state((Audience::Nobody, self.hosts), guard);
        let (router, _documented) = self.routes.split_for_parts();
        router
            .fallback(missing.layer(guard.clone()))
            .method_not_allowed_fallback(not_allowed.layer(guard))
            .with_state(state)
    }

    fn guarded(&self, audience: Audience, methods: MethodRouter<AppState>) -> MethodRouter<AppState> {
        if audience == Audience::AnyoneSends {
            // Nothing is refused here, and it is the way that everything comes: one light layer instead of the guard.
            // A browser's question whether it may send is answered by the layer, and needs a route to come there.
            let asked = routing::options(async || StatusCode::NO_CONTENT);
            let protect = MapResponseLayer::new(move |mut response: Response| {
                audience.protect(response.headers_mut());
                response
            });
            return methods.merge(asked).route_layer((protect, cors()));
        }
        let guard = from_fn_with_state((audience, self.hosts.clone()), guard);
        methods.route_layer(guard)
    }
}

/// Lets a request in or refuses it, and tells browsers what they may do with the answer.
async fn guard(State((audience, hosts)): State<(Audience, Hosts)>, request: Request, next: Next) -> Response {
    let mut response = match audience.admit(&hosts, &request) {
        Ok(Sight::Whole) => next.run(request).await,
        Ok(Sight::Verdict) => verdict(&next.run(request).await),
        Err(refusal) => refusal.into_response(),
    };
    audience.protect(response.headers_mut());
    response
}

/// How much of an answer the caller gets.
enum Sight {
    Whole,
    Verdict,
}

/// The answer of a probe without its reasons, which are for those who know this machine's name.
fn verdict(response: &Response) -> Response {
    let word = if response.status().is_success() { "ok" } else { "unavailable" };
    (response.status(), Json(json!({"status": word}))).into_response()
}

impl Audience {
    fn admit(self, hosts: &Hosts, request: &Request) -> Result<Sight, ApiError> {
        if self == Self::AnyoneSends {
            return Ok(Sight::Whole);
        }
        let headers = request.headers();
        let asked = hosts.asked(request.uri(), headers);
        if asked.is_err() && self != Self::AnyoneProbes {
            return Err(ApiError::UnknownHost);
        }
        self.check_page(asked.ok(), request.method(), headers).map_err(|OtherSite| ApiError::OtherSite)?;
        if self == Self::ThisSiteChanges || (self != Self::Nobody && !is_safe(request.method())) {
            require_json(headers)?;
        }
        Ok(if asked.is_ok() { Sight::Whole } else { Sight::Verdict })
    }

    fn check_page(self, asked: Option<&str>, method: &Method, headers: &HeaderMap) -> Result<(), OtherSite> {
        if self == Self::PeopleOpen && is_safe(method) && is_followed_link(headers) {
            return site::check_origin(asked, headers);
        }
        site::check_page(asked, headers)
    }

    /// Tells browsers what they may do with the answer.
    fn protect(self, headers: &mut HeaderMap) {
        if self != Self::AnyoneSends {
            return site::protect(headers);
        }
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        let anyone = HeaderValue::from_static("cross-origin");
        headers.insert(HeaderName::from_static("cross-origin-resource-policy"), anyone);
    }

    /// Says in the documentation with what a request is refused before it runs.
    fn describe(self, operation: &mut Operation) {
        let refusals: &[(&str, &str)] = match self {
            Self::AnyoneSends => &[],
            _ => &[
                ("403", "A page of another site made a browser ask; another port is another site."),
                ("421", "The host in the request is none of this machine; see LOG_CENTER_HOSTS."),
            ],
        };
        for (status, description) in refusals {
            let schema = Ref::from_schema_name(ErrorBody::name());
            let content = ContentBuilder::new().schema(Some(schema)).build();
            let mut response = Described::new(*description);
            response.content.insert("application/json".to_owned(), content.into());
            operation.responses.responses.insert((*status).to_owned(), response.into());
        }
    }
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Somebody clicked, and the whole tab goes here: the page with the link sees nothing of it.
fn is_followed_link(headers: &HeaderMap) -> bool {
    let says = |name: &str, value: &str| {
        let mut values = headers.get_all(name).iter();
        values.next().is_some_and(|said| said == value) && values.next().is_none()
    };
    says("sec-fetch-mode", "navigate") && says("sec-fetch-dest", "document") && says("sec-fetch-user", "?1")
}

/// A form of any page can be sent without a browser asking first, but never as JSON.
fn require_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let said = values.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = said.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") && values.next().is_none() {
        return Ok(());
    }
    Err(ApiError::Unsupported {
        code: "unsupported_media_type",
        message: "Content-Type must be application/json here, so that no page's form can be sent to it"
            .to_owned(),
    })
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, options, head, patch, trace, .. } = item;
    [get, put, post, delete, options, head, patch, trace].into_iter().flatten()
}
