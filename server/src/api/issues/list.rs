use crate::api::page::Page;
use crate::api::query::{Paging, Query, Scope, Text, Window, words};
use crate::api::{AppState, cursor};
use crate::clock;
use crate::error::{ApiError, ErrorBody};
use crate::store::issue::{Direction, Issue, IssueFilter, IssuePlace, IssueSort};
use crate::store::value::Status;
use crate::store::{Store, limits};
use axum::Json;
use axum::extract::State;
use log_center_wire::limits::VERSION_BYTES;
use log_center_wire::{IssueStatus, Level, UnixMillis};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use utoipa::IntoParams;

/// Which issues, in which order.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Issues {
    /// Only whose latest occurrence has this level: `ERROR`, `WARNING`, `CRITICAL`, or bunyan's number.
    #[serde(default, deserialize_with = "level")]
    #[param(value_type = Option<String>)]
    level: Option<u8>,
    /// Only in one of these states; repeated, or with commas.
    #[serde(default, deserialize_with = "statuses")]
    #[param(value_type = Vec<Status>, inline)]
    status: Vec<IssueStatus>,
    /// Only with this text in type, latest message or file path, in any letter case. At most 1024 bytes.
    #[param(inline)]
    text: Option<SearchText>,
    /// Only seen in this version.
    #[param(inline)]
    version: Option<Version>,
    /// What the list is sorted by.
    #[serde(default)]
    #[param(inline)]
    sort: IssueSort,
    /// Which way the list goes.
    #[serde(default)]
    #[param(inline)]
    order: Direction,
}

type Version = Text<VERSION_BYTES>;
type SearchText = Text<{ limits::SEARCH_TEXT_BYTES }>;

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
        Self::of(Query::parse(raw)?, now)
    }

    fn of(query: Query<(Issues, Scope, Window, Paging)>, now: UnixMillis) -> Result<Self, ApiError> {
        let question = query.question("issues");
        let (issues, scope, window, paging) = query.parameters;
        let after = paging.after(&question)?;
        let (since, until) = window.resolve(now, UnixMillis(i64::MAX))?;
        Ok(Self {
            filter: IssueFilter {
                project: scope.project()?,
                environment: scope.environment(),
                version: issues.version.map(|version| version.0),
                level: issues.level,
                status: issues.status,
                text: issues.text.map(|text| text.0),
                since,
                until,
            },
            sort: issues.sort,
            direction: issues.order,
            after: after.map(|[sort_value, id]| IssuePlace { sort_value: sort_value.cast_signed(), id }),
            limit: paging.limit(),
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

fn level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let level = match text.parse() {
        Ok(number) => Level::at_or_below(number),
        Err(_) => text.parse().map_err(|_| {
            D::Error::custom(
                "must be CRITICAL, ERROR, WARNING, INFO, DEBUG or TRACE, or a number of bunyan from 0 to 255",
            )
        })?,
    };
    Ok(Some(level.number()))
}

fn statuses<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IssueStatus>, D::Error> {
    let statuses = words(deserializer)?.into_iter().map(|word| word.to_ascii_uppercase().parse());
    statuses.collect::<Result<_, _>>().map_err(|_| {
        let names = IssueStatus::ALL.map(IssueStatus::as_str).join(", ");
        D::Error::custom(format!("must be one or more of {names}"))
    })
}

/// List issues.
///
/// Filters are combined with "and". A page is found by the place of its first item, so issues that arrive or change
/// meanwhile never make another one come twice.
#[utoipa::path(
    get,
    path = "/api/v1/issues",
    operation_id = "list_issues",
    tag = "issues",
    params(Issues, Scope, Window, Paging),
    responses(
        (status = 200, description = "A page.", body = Page<Issue>),
        (status = 422, description = "An unknown parameter or a bad value; it is named.", body = ErrorBody),
        (status = 503, description = "ClickHouse is away; see Retry-After.", body = ErrorBody),
    )
)]
pub(super) async fn list(
    State(state): State<AppState>,
    query: Query<(Issues, Scope, Window, Paging)>,
) -> Result<Json<Page<Issue>>, ApiError> {
    let page = ListQuery::of(query, clock::now())?.run(&state.store).await?;
    Ok(Json(page))
}
