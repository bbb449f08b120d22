use crate::api::page::Page;
use crate::api::query::{Query, refused};
use crate::api::{AppState, cursor};
use crate::error::{ApiError, ErrorBody};
use crate::event::HopState;
use crate::store::limits::{SEARCH_BACK_MS, SEARCH_TEXT_BYTES, UNFINISHED_MS_MAX};
use crate::store::place::Place;
use crate::store::request_list::{RequestFilter, RequestItem, RequestPlace, RequestSort};
use axum::Json;
use axum::extract::{RawQuery, State};
use log_center_wire::limits::ENVIRONMENT_BYTES;

const PARAMETERS: [&str; 19] = [
    "service",
    "environment",
    "method",
    "route",
    "uid",
    "rrdid",
    "ip",
    "url",
    "min_ms",
    "max_ms",
    "state",
    "error",
    "hops",
    "since",
    "until",
    "sort",
    "limit",
    "cursor",
    "project",
];

/// Statuses of HTTP have three digits.
const STATUS: std::ops::RangeInclusive<u16> = 100..=999;

/// Find requests.
///
/// One item a request, as the outermost service that handled it tells it: the one whose hop has no `parent_id`. With `service`
/// one item each time that this service handled a request. Filters are combined with "and".
#[utoipa::path(
    get,
    path = "/api/v1/requests",
    tag = "requests",
    params(
        ("service" = Option<String>, Query, description = "Only handled by this service, wherever in the request."),
        ("environment" = Option<String>, Query, description = "Only where it runs in this environment."),
        ("method" = Option<String>, Query, description = "Only with this HTTP method."),
        ("route" = Option<String>, Query, description = "Only of this matched path.", example = "/users/{id}"),
        ("status" = Option<Vec<String>>, Query, description = "Only answered with one of these: `404`, `5xx`; repeated, or with commas."),
        ("uid" = Option<String>, Query, description = "Only of this user."),
        ("rrdid" = Option<String>, Query, description = "Only of this client."),
        ("ip" = Option<String>, Query, description = "Only from this address."),
        ("url" = Option<String>, Query, description = "Only with this text in the URL, in any letter case. At most 1024 bytes."),
        ("min_ms" = Option<f64>, Query, description = "Only those that took so many milliseconds or more."),
        ("max_ms" = Option<f64>, Query, description = "Only those that took so many milliseconds or less."),
        ("state" = Option<String>, Query, description = "`ok`, `error` or `unfinished`; all that ended, if absent."),
        ("error" = Option<bool>, Query, description = "`true` for `state=error`, `false` for `state=ok`."),
        ("hops" = Option<String>, Query, description = "`outermost`: only hops that no other hop is around; `all`: a request once for each service that handled it. `all` if `service` is given, else `outermost`."),
        ("since" = Option<String>, Query, description = "Only those that ended (unfinished ones: began) at this time (ISO 8601, or an age: `30m`, `24h`, `7d`) or later; a day before `until` if absent."),
        ("until" = Option<String>, Query, description = "Only before this time."),
        ("sort" = Option<String>, Query, description = "`latest` (default), `slowest`, or `failing`: the latest with `state=error`."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "Items on the page, 50 if absent."),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before; the other parameters stay the same."),
    ),
    responses(
        (status = 200, description = "A page.", body = Page<RequestItem>),
        (status = 422, description = "An unknown parameter or a bad value; it is named.", body = ErrorBody),
        (status = 503, description = "ClickHouse is away or gave up; see Retry-After.", body = ErrorBody),
    )
)]
pub(super) async fn list(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<RequestItem>>, ApiError> {
    let query = Query::parse(query.as_deref(), &PARAMETERS, &["status"])?;
    let question = query.question("requests");
    let limit = query.limit()?;
    let after = place(&query, &question)?;
    let (filter, sort) = (filter(&query)?, sort(&query)?);
    let found = state.store.requests(&filter, sort, after, limit + 1).await?;
    let page = Page::cut(found, limit, |page| {
        let RequestPlace { place, duration_ms } = RequestPlace::behind(page)?;
        let [time, received_at, batch, ordinal] = place.numbers();
        Some(cursor::encode(&question, &[time, received_at, batch, ordinal, duration_ms.to_bits()]))
    });
    Ok(Json(page))
}

fn place(query: &Query, question: &str) -> Result<Option<RequestPlace>, ApiError> {
    let Some(word) = query.text("cursor") else { return Ok(None) };
    let [time, received_at, batch, ordinal, bits] = cursor::decode(question, word)?;
    let place = Place::of_numbers([time, received_at, batch, ordinal]);
    Ok(Some(RequestPlace { place, duration_ms: f64::from_bits(bits) }))
}

fn filter(query: &Query) -> Result<RequestFilter, ApiError> {
    let (since, until) = query.window()?;
    let text = |name| query.bounded(name, SEARCH_TEXT_BYTES);
    let service = query.service()?;
    let filter = RequestFilter {
        since,
        until,
        state: wanted_state(query)?,
        outermost: match query.text("hops") {
            None => service.is_none(),
            Some("outermost") => true,
            Some("all") => false,
            Some(_) => return Err(refused("hops", "must be outermost or all")),
        },
        service,
        // The store has it in lower case.
        environment: query.bounded("environment", ENVIRONMENT_BYTES)?.map(|name| name.to_lowercase()),
        method: text("method")?.map(|method| method.to_uppercase()),
        route: text("route")?,
        status: statuses(query)?,
        uid: text("uid")?,
        rrdid: text("rrdid")?,
        ip: text("ip")?,
        url: text("url")?,
        min_ms: milliseconds(query, "min_ms")?,
        max_ms: milliseconds(query, "max_ms")?,
    };
    if filter.state == Some(HopState::Unfinished) {
        check_unfinished(query, &filter)?;
    }
    Ok(filter)
}

/// What is said of the end of requests that have none.
fn check_unfinished(query: &Query, filter: &RequestFilter) -> Result<(), ApiError> {
    for name in ["min_ms", "max_ms", "status"] {
        if query.text(name).is_some() {
            return Err(refused(name, "must be absent with state=unfinished: there is no end"));
        }
    }
    if sort(query)? == RequestSort::Slowest {
        return Err(refused("sort", "must be latest with state=unfinished: there is no end"));
    }
    // Until now, and what clocks that are ahead date after that.
    if filter.until - filter.since > UNFINISHED_MS_MAX + SEARCH_BACK_MS {
        let days = UNFINISHED_MS_MAX / (24 * 60 * 60 * 1000);
        let rule = format!("must be at most {days} days before until with state=unfinished");
        return Err(refused("since", rule));
    }
    Ok(())
}

/// The state that `state`, `error` and `sort` ask for; they must not contradict each other.
fn wanted_state(query: &Query) -> Result<Option<HopState>, ApiError> {
    let state = match query.text("state") {
        None => None,
        Some("ok") => Some(HopState::Ok),
        Some("error") => Some(HopState::Error),
        Some("unfinished") => Some(HopState::Unfinished),
        Some(_) => return Err(refused("state", "must be ok, error or unfinished")),
    };
    let error = match query.text("error") {
        None => None,
        Some("true") => Some(HopState::Error),
        Some("false") => Some(HopState::Ok),
        Some(_) => return Err(refused("error", "must be true or false")),
    };
    let failing = (query.text("sort") == Some("failing")).then_some(HopState::Error);
    let mut wanted = state;
    for (name, other) in [("error", error), ("sort", failing)] {
        if wanted.is_some() && other.is_some() && wanted != other {
            return Err(refused(name, "must not contradict the other parameters"));
        }
        wanted = wanted.or(other);
    }
    Ok(wanted)
}

fn sort(query: &Query) -> Result<RequestSort, ApiError> {
    match query.text("sort") {
        None | Some("latest" | "failing") => Ok(RequestSort::Latest),
        Some("slowest") => Ok(RequestSort::Slowest),
        Some(_) => Err(refused("sort", "must be latest, slowest or failing")),
    }
}

fn statuses(query: &Query) -> Result<Vec<u16>, ApiError> {
    let mut statuses = Vec::new();
    for word in query.all("status").flat_map(|list| list.split(',')) {
        let word = word.trim();
        let class = word.strip_suffix("xx").or(word.strip_suffix("XX"));
        let class = class.and_then(|digit| digit.parse::<u16>().ok()).filter(|class| (1..=9).contains(class));
        let one = word.parse::<u16>().ok().filter(|status| STATUS.contains(status));
        match (class, one) {
            (Some(class), _) => statuses.extend(class * 100..=class * 100 + 99),
            (None, Some(status)) => statuses.push(status),
            (None, None) => {
                return Err(refused("status", "must be one or more of 100 to 999 and 1xx to 9xx"));
            }
        }
    }
    statuses.sort_unstable();
    statuses.dedup();
    Ok(statuses)
}

fn milliseconds(query: &Query, name: &str) -> Result<Option<f64>, ApiError> {
    let Some(text) = query.text(name) else { return Ok(None) };
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
    number.map(Some).ok_or_else(|| refused(name, "must be a number of milliseconds from 0 on"))
}
