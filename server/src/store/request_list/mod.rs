//! Requests as a list: a row for each hop that a service handled.

mod outermost;
mod page;

use super::place::{Place, Placed};
use super::value::Time;
use crate::event::HopState;
use serde::Serialize;
use utoipa::ToSchema;

/// A request, as a service that handled it tells. A text that the program did not send is empty.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RequestItem {
    /// The request.
    pub req_id: String,
    /// When it reached the service.
    pub started_at: Time,
    /// The service.
    #[schema(example = "shop")]
    pub service: String,
    /// Where the service runs.
    #[schema(example = "production")]
    pub environment: String,
    /// HTTP method.
    #[schema(example = "GET")]
    pub method: String,
    /// Matched path.
    #[schema(example = "/users/{id}")]
    pub route: String,
    /// What the client asked for.
    pub url: String,
    /// HTTP status of the answer.
    pub status: Option<u16>,
    /// Handling time; `null` if the request has no end.
    pub duration_ms: Option<f64>,
    /// User.
    pub uid: String,
    /// Client: long-lived cookie or device.
    pub rrdid: String,
    /// Address of the client.
    pub ip: String,
    /// The hop, 16 hex digits.
    pub span_id: String,
    /// The hop around it, by its own words; of an outermost one empty, zeros, or a hop that nobody wrote.
    pub parent_id: String,
    /// Records at ERROR and above that any service wrote about the request in the last hour of this hop.
    pub error_count: u64,
    /// How it ended.
    pub state: HopState,
    #[serde(skip)]
    has_end: bool,
    #[serde(skip)]
    place: Place,
}

/// In which order requests are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RequestSort {
    /// The latest to end first; of unfinished ones the latest to begin.
    #[default]
    Latest,
    /// The longest first.
    Slowest,
}

/// Which requests to list. What is `None` or empty does not restrict.
#[derive(Debug, Clone, Default)]
pub struct RequestFilter {
    /// Ended (unfinished ones: begun) from this time on, in milliseconds since 1970.
    pub since: i64,
    /// Up to this time, which is included.
    pub until: i64,
    /// Only those that ended so. `None` = all that ended.
    pub state: Option<HopState>,
    /// Only outermost hops: those that name no hop around them, or one that nobody wrote.
    pub outermost: bool,
    /// Only handled by this service.
    pub service: Option<String>,
    /// Only in this environment.
    pub environment: Option<String>,
    /// Only with this method.
    pub method: Option<String>,
    /// Only of this route.
    pub route: Option<String>,
    /// Only answered with one of these statuses.
    pub status: Vec<u16>,
    /// Only of this user.
    pub uid: Option<String>,
    /// Only of this client.
    pub rrdid: Option<String>,
    /// Only from this address.
    pub ip: Option<String>,
    /// Only with this text in the URL, in any letter case.
    pub url: Option<String>,
    /// Only those that took so many milliseconds or more.
    pub min_ms: Option<f64>,
    /// Only those that took so many milliseconds or less.
    pub max_ms: Option<f64>,
}

/// The place of a request in a list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RequestPlace {
    /// Its time, and which of that time it is.
    pub place: Place,
    /// How long it took.
    pub duration_ms: f64,
}

impl RequestPlace {
    /// The place of the last of `page`: the next page begins behind it.
    pub fn behind(page: &[RequestItem]) -> Option<Self> {
        let place = Place::behind(page)?;
        Some(Self { place, duration_ms: page.last()?.duration_ms.unwrap_or(NO_DURATION_MS) })
    }
}

/// Where a request without a duration stands among the others, as in the statement.
const NO_DURATION_MS: f64 = -1.0;

impl Placed for RequestItem {
    fn place(&self) -> Place {
        self.place
    }
}
