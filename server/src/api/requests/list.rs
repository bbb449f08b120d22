use crate::api::page::Page;
use crate::api::query::{Paging, Query, Scope, Text, Window, refused, words};
use crate::api::{AppState, cursor};
use crate::clock;
use crate::error::{ApiError, ErrorBody};
use crate::event::HopState;
use crate::store::limits::{SEARCH_BACK_MS, SEARCH_TEXT_BYTES, UNFINISHED_MS_MAX};
use crate::store::place::Place;
use crate::store::request_list::{RequestFilter, RequestItem, RequestPlace, RequestSort};
use axum::Json;
use axum::extract::State;
use log_center_wire::UnixMillis;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use utoipa::{IntoParams, ToSchema};

/// Which requests, in which order.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Requests {
    /// Only with this HTTP method.
    #[param(inline)]
    method: Option<Word>,
    /// Only of this matched path.
    #[param(inline)]
    route: Option<Word>,
    /// Only answered with one of these: `404`, `5xx`; repeated, or with commas. From 100 to 599.
    #[serde(default, deserialize_with = "statuses")]
    #[param(value_type = Vec<String>)]
    status: Vec<u16>,
    /// Only of this user.
    #[param(inline)]
    uid: Option<Word>,
    /// Only of this client.
    #[param(inline)]
    rrdid: Option<Word>,
    /// Only from this address.
    #[param(inline)]
    ip: Option<Word>,
    /// Only with this text in the URL, in any letter case. At most 1024 bytes.
    #[param(inline)]
    url: Option<Word>,
    /// Only those that took so many milliseconds or more.
    #[serde(default, deserialize_with = "milliseconds")]
    #[param(minimum = 0)]
    min_ms: Option<f64>,
    /// Only those that took so many milliseconds or less.
    #[serde(default, deserialize_with = "milliseconds")]
    #[param(minimum = 0)]
    max_ms: Option<f64>,
    /// Only those that ended so; if absent, all that are `ok` or `error`. One whose client went away before the answer is `unfinished`.
    #[param(inline)]
    state: Option<HopState>,
    /// `true` for `state=error`, `false` for `state=ok`.
    error: Option<bool>,
    /// `outermost`: only hops that no other hop is around; `all`: a request once for each service that handled it. `all` if
    /// a `project` is given, else `outermost`.
    #[param(inline)]
    hops: Option<Hops>,
    /// `failing`: the latest with `state=error`.
    #[serde(default)]
    #[param(inline)]
    sort: Sort,
}

type Word = Text<SEARCH_TEXT_BYTES>;

/// Which hops of a request are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Hops {
    Outermost,
    All,
}

/// In which order requests are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(default = "latest")]
enum Sort {
    #[default]
    Latest,
    Slowest,
    Failing,
}

/// The statuses of HTTP.
const STATUS: std::ops::RangeInclusive<u16> = 100..=599;

/// Find requests.
///
/// One item a request, as the outermost service that handled it tells it: the one whose hop has no `parent_id`, zeros there, or the id of a
/// hop that nobody wrote. With `project` one item each time that this service handled a request. Filters are combined with "and".
#[utoipa::path(
    get,
    path = "/api/v1/requests",
    operation_id = "list_requests",
    tag = "requests",
    params(Requests, Scope, Window, Paging),
    responses(
        (status = 200, description = "A page.", body = Page<RequestItem>),
        (status = 422, description = "An unknown parameter or a bad value; it is named.", body = ErrorBody),
        (status = 503, description = "ClickHouse is away or gave up; see Retry-After.", body = ErrorBody),
    )
)]
pub(super) async fn list(
    State(state): State<AppState>,
    query: Query<(Requests, Scope, Window, Paging)>,
) -> Result<Json<Page<RequestItem>>, ApiError> {
    let question = query.question("requests");
    let (requests, scope, window, paging) = query.parameters;
    let (limit, after) = (paging.limit(), paging.after(&question)?.map(place));
    let sort = requests.sort.into();
    let filter = requests.filter(&scope, window)?;
    let found = state.store.requests(&filter, sort, after, limit + 1).await?;
    let page = Page::cut(found, limit, |page| {
        let RequestPlace { place, duration_ms } = RequestPlace::behind(page)?;
        let [time, received_at, batch, ordinal] = place.numbers();
        Some(cursor::encode(&question, &[time, received_at, batch, ordinal, duration_ms.to_bits()]))
    });
    Ok(Json(page))
}

fn place([time, received_at, batch, ordinal, bits]: [u64; 5]) -> RequestPlace {
    let place = Place::of_numbers([time, received_at, batch, ordinal]);
    RequestPlace { place, duration_ms: f64::from_bits(bits) }
}

impl From<Sort> for RequestSort {
    fn from(sort: Sort) -> Self {
        match sort {
            Sort::Latest | Sort::Failing => RequestSort::Latest,
            Sort::Slowest => RequestSort::Slowest,
        }
    }
}

impl Requests {
    fn filter(self, scope: &Scope, window: Window) -> Result<RequestFilter, ApiError> {
        let now = clock::now();
        // What clocks that are ahead date after now belongs to the latest requests.
        let (since, until) = window.last(now, UnixMillis(now.0 + SEARCH_BACK_MS + 1), SEARCH_BACK_MS)?;
        let until = until - 1;
        let state = self.wanted_state()?;
        if state == Some(HopState::Unfinished) {
            self.check_unfinished(since, until)?;
        }
        let service = scope.project()?;
        let text = |word: Option<Word>| word.map(|word| word.0);
        Ok(RequestFilter {
            since,
            until,
            state,
            outermost: self.hops.map_or(service.is_none(), |hops| hops == Hops::Outermost),
            service,
            environment: scope.environment(),
            method: text(self.method).map(|method| method.to_uppercase()),
            route: text(self.route),
            status: self.status,
            uid: text(self.uid),
            rrdid: text(self.rrdid),
            ip: text(self.ip),
            url: text(self.url),
            min_ms: self.min_ms,
            max_ms: self.max_ms,
        })
    }

    /// Refuses what is only known of requests that have an end.
    fn check_unfinished(&self, since: i64, until: i64) -> Result<(), ApiError> {
        let of_ends = [
            ("min_ms", self.min_ms.is_some()),
            ("max_ms", self.max_ms.is_some()),
            ("status", !self.status.is_empty()),
        ];
        if let Some((name, _)) = of_ends.into_iter().find(|(_, is_given)| *is_given) {
            return Err(refused(name, "must be absent with state=unfinished: there is no end"));
        }
        if self.sort == Sort::Slowest {
            return Err(refused("sort", "must be latest with state=unfinished: there is no end"));
        }
        // Until now, and what clocks that are ahead date after that.
        if until - since > UNFINISHED_MS_MAX + SEARCH_BACK_MS {
            let days = UNFINISHED_MS_MAX / (24 * 60 * 60 * 1000);
            let rule = format!("must be at most {days} days before until with state=unfinished");
            return Err(refused("since", rule));
        }
        Ok(())
    }

    /// The state that `state`, `error` and `sort` ask for; they must not contradict each other.
    fn wanted_state(&self) -> Result<Option<HopState>, ApiError> {
        let error = self.error.map(|error| if error { HopState::Error } else { HopState::Ok });
        let failing = (self.sort == Sort::Failing).then_some(HopState::Error);
        let mut wanted = self.state;
        for (name, other) in [("error", error), ("sort", failing)] {
            if wanted.is_some() && other.is_some() && wanted != other {
                return Err(refused(name, "must not contradict the other parameters"));
            }
            wanted = wanted.or(other);
        }
        Ok(wanted)
    }
}

fn statuses<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u16>, D::Error> {
    let mut statuses = Vec::new();
    for word in words(deserializer)? {
        let class = word.strip_suffix("xx").or(word.strip_suffix("XX"));
        let class = class.and_then(|digit| digit.parse::<u16>().ok());
        let (first, last) = match class {
            Some(class) => (class.saturating_mul(100), class.saturating_mul(100).saturating_add(99)),
            None => word.parse().map_or((0, 0), |status| (status, status)),
        };
        if !STATUS.contains(&first) || !STATUS.contains(&last) {
            return Err(D::Error::custom("must be one or more of 100 to 599 and 1xx to 5xx"));
        }
        statuses.extend(first..=last);
    }
    statuses.sort_unstable();
    statuses.dedup();
    Ok(statuses)
}

fn milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let number = String::deserialize(deserializer)?.parse::<f64>().ok();
    let number = number.filter(|number| number.is_finite() && *number >= 0.0);
    number.map(Some).ok_or_else(|| D::Error::custom("must be a number of milliseconds from 0 on"))
}
