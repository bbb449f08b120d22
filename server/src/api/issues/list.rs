use crate::api::page::Page;
use crate::api::query::{Query, refused};
use crate::api::{AppState, cursor};
use crate::clock;
use crate::error::{ApiError, ErrorBody};
use crate::store::issue::{Direction, Issue, IssueFilter, IssuePlace, IssueSort};
use crate::store::{Store, limits};
use axum::Json;
use axum::extract::{RawQuery, State};
use log_center_wire::limits::{ENVIRONMENT_BYTES, PROJECT_BYTES, VERSION_BYTES};
use log_center_wire::{IssueStatus, Level, UnixMillis};

const PARAMETERS: [&str; 11] = [
    "project",
    "environment",
    "level",
    "version",
    "text",
    "since",
    "until",
    "sort",
    "order",
    "limit",
    "cursor",
];

/// What a client asks the list for.
pub(crate) struct ListQuery {
    pub(crate) filter: IssueFilter,
    sort: IssueSort,
    direction: Direction,
    after: Option<IssuePlace>,
    limit: u32,
    question: String,
}

impl ListQuery {
    /// Reads it from the URL.
    ///
    /// # Errors
    /// 422 naming the parameter.
    pub(crate) fn parse(raw: Option<&str>, now: UnixMillis) -> Result<Self, ApiError> {
        let query = Query::parse(raw, &PARAMETERS, &["status"])?;
        let question = query.question("issues");
        let after = query.text("cursor").map(|word| cursor::decode(&question, word)).transpose()?;
        Ok(Self {
            filter: IssueFilter {
                project: query.bounded("project", PROJECT_BYTES)?,
                // The store has it in lower case.
                environment: query.bounded("environment", ENVIRONMENT_BYTES)?.map(|name| name.to_lowercase()),
                version: query.bounded("version", VERSION_BYTES)?,
                level: query.text("level").map(level).transpose()?,
                status: statuses(&query)?,
                text: query.bounded("text", limits::SEARCH_TEXT_BYTES)?,
                since: query.time("since", now)?,
                until: query.time("until", now)?,
            },
            sort: sort(query.text("sort"))?,
            direction: direction(query.text("order"))?,
            after: after.map(|[sort_value, id]| IssuePlace { sort_value: sort_value.cast_signed(), id }),
            limit: query.limit()?,
            question,
        })
    }

    /// The page.
    ///
    /// # Errors
    /// 503 if ClickHouse is away.
    pub(crate) async fn run(self, store: &Store) -> Result<Page<Issue>, ApiError> {
        let rows = store.issues(&self.filter, self.sort, self.direction, self.after, self.limit + 1).await?;
        let page = Page::cut(rows, self.limit, |rows| {
            let (last, _) = rows.last()?;
            Some(cursor::encode(&self.question, &[last.sort_value.cast_unsigned(), last.id]))
        });
        let items = page.items.into_iter().map(|(_, issue)| issue).collect();
        Ok(Page { items, next_cursor: page.next_cursor })
    }
}

fn level(text: &str) -> Result<u8, ApiError> {
    let number = match text.parse::<u8>() {
        Ok(number) => Level::at_or_below(number).number(),
        Err(_) => text.parse::<Level>().map_err(|_| refused("level", LEVEL_RULE))?.number(),
    };
    Ok(number)
}

const LEVEL_RULE: &str =
    "must be CRITICAL, ERROR, WARNING, INFO, DEBUG or TRACE, or a number of bunyan from 0 to 255";

fn statuses(query: &Query) -> Result<Vec<IssueStatus>, ApiError> {
    let words = query.all("status").flat_map(|list| list.split(','));
    words
        .map(|word| word.trim().to_ascii_uppercase().parse::<IssueStatus>())
        .collect::<Result<_, _>>()
        .map_err(|_| {
            refused(
                "status",
                format!("must be one or more of {}", IssueStatus::ALL.map(|s| s.as_str()).join(", ")),
            )
        })
}

fn sort(word: Option<&str>) -> Result<IssueSort, ApiError> {
    match word {
        None => Ok(IssueSort::default()),
        Some("last_seen") => Ok(IssueSort::LastSeen),
        Some("first_seen") => Ok(IssueSort::FirstSeen),
        Some("count") => Ok(IssueSort::Count),
        Some("users") => Ok(IssueSort::Users),
        Some(_) => Err(refused("sort", "must be last_seen, first_seen, count or users")),
    }
}

fn direction(word: Option<&str>) -> Result<Direction, ApiError> {
    match word {
        None => Ok(Direction::default()),
        Some("desc") => Ok(Direction::Descending),
        Some("asc") => Ok(Direction::Ascending),
        Some(_) => Err(refused("order", "must be asc or desc")),
    }
}

/// List issues.
///
/// Filters are combined with "and". A page is found by the place of its first item, so issues that arrive or change
/// meanwhile never make another one come twice.
#[utoipa::path(
    get,
    path = "/api/v1/issues",
    tag = "issues",
    params(
        ("project" = Option<String>, Query, description = "Only of this project."),
        ("environment" = Option<String>, Query, description = "Only seen in this environment."),
        ("level" = Option<String>, Query, description = "Only whose latest occurrence has this level: `ERROR`, `WARNING`, `CRITICAL`, or bunyan's number."),
        ("status" = Option<Vec<String>>, Query, description = "Only in one of these states; repeated, or with commas."),
        ("text" = Option<String>, Query, description = "Only with this text in type, latest message or file path, in any letter case. At most 1024 bytes."),
        ("version" = Option<String>, Query, description = "Only seen in this version."),
        ("since" = Option<String>, Query, description = "Only last seen at this time (ISO 8601, or an age: `30m`, `24h`, `7d`) or later."),
        ("until" = Option<String>, Query, description = "Only last seen before this time."),
        ("sort" = Option<String>, Query, description = "`last_seen` (default), `first_seen`, `count` or `users`."),
        ("order" = Option<String>, Query, description = "`desc` (default) or `asc`."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "Items on the page, 50 if absent."),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before; the other parameters stay the same."),
    ),
    responses(
        (status = 200, description = "A page.", body = Page<Issue>),
        (status = 422, description = "An unknown parameter or a bad value; it is named.", body = ErrorBody),
        (status = 503, description = "ClickHouse is away; see Retry-After.", body = ErrorBody),
    )
)]
pub(super) async fn list(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<Issue>>, ApiError> {
    let page = ListQuery::parse(query.as_deref(), clock::now())?.run(&state.store).await?;
    Ok(Json(page))
}
