//! Issues: the list, and one with its histogram.

use super::value::{LevelWord, Status, Time};
use super::{Store, StoreError, limits};
use clickhouse::Row;
use futures_util::future::try_join;
use log_center_wire::{IssueId, IssueStatus, UnixMillis};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use utoipa::ToSchema;

/// An issue: all occurrences of one fingerprint in one project.
#[derive(Debug, Clone, Row, Serialize, Deserialize, ToSchema)]
pub struct Issue {
    /// Below 2^53; follows from project and fingerprint.
    #[schema(example = 6844892449514628u64)]
    pub id: u64,
    /// The project.
    #[schema(example = "rtc_backend")]
    pub project_id: String,
    /// MD5 of project, type, file and line in lower-case hex.
    #[schema(example = "c28b25b7d52420836670e6e071f446f4")]
    pub fingerprint: String,
    /// Type of the error.
    #[schema(example = "ValueError")]
    pub r#type: String,
    /// Message of the latest occurrence.
    pub message: String,
    /// The file that raises it.
    #[schema(example = "apps/users/views.py")]
    pub file_path: String,
    /// The line in that file; 0 = unknown.
    #[schema(example = 42)]
    pub line_number: u32,
    /// Level of the latest occurrence, as a report names it.
    pub level: LevelWord,
    /// Where the issue stands.
    pub status: Status,
    /// How many occurrences there were.
    pub count: u64,
    /// How many different users met it. Estimated beyond 65,536.
    pub users: u64,
    /// Time of the first occurrence.
    pub first_seen: Time,
    /// Time of the latest occurrence.
    pub last_seen: Time,
    /// Where it was seen, 100 at most.
    pub environments: Vec<String>,
    /// In which versions it was seen, 100 at most.
    pub versions: Vec<String>,
}

/// How many occurrences an hour had.
#[derive(Debug, Clone, Row, Serialize, Deserialize, ToSchema)]
pub struct HourCount {
    /// Start of the hour.
    pub hour: Time,
    /// Occurrences.
    pub count: u64,
}

/// Which issues to list. What is `None` or empty does not restrict.
#[derive(Debug, Clone, Default)]
pub struct IssueFilter {
    /// Only of this project.
    pub project: Option<String>,
    /// Only seen in this environment.
    pub environment: Option<String>,
    /// Only seen in this version.
    pub version: Option<String>,
    /// Only those whose latest occurrence has this level, one of bunyan's numbers.
    pub level: Option<u8>,
    /// Only in one of these states.
    pub status: Vec<IssueStatus>,
    /// Only with this text in type, latest message or file path, whatever the letter case.
    pub text: Option<String>,
    /// Only last seen at this time or later.
    pub since: Option<UnixMillis>,
    /// Only last seen before this time.
    pub until: Option<UnixMillis>,
}

/// What a list is sorted by; equal ones by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(default = "last_seen")]
pub enum IssueSort {
    /// Time of the latest occurrence.
    #[default]
    LastSeen,
    /// Time of the first occurrence.
    FirstSeen,
    /// Number of occurrences.
    Count,
    /// Number of users. Costs more than the others: what is known of the users of every issue has to be read.
    Users,
}

/// Which way a list goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[schema(default = "desc")]
pub enum Direction {
    /// Least first.
    #[serde(rename = "asc")]
    Ascending,
    /// Greatest first.
    #[default]
    #[serde(rename = "desc")]
    Descending,
}

/// The place of an issue in a sorted list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Row, Deserialize)]
pub struct IssuePlace {
    /// The issue.
    pub id: u64,
    /// What it was sorted by: a count, or milliseconds since 1970.
    pub sort_value: i64,
}

/// Where an issue stands on which somebody worked.
#[derive(Row, Deserialize)]
struct IssueState {
    id: u64,
    status: Status,
}

impl IssueSort {
    const fn expression(self) -> &'static str {
        match self {
            IssueSort::LastSeen => "toUnixTimestamp64Milli(max(i.last_seen))",
            IssueSort::FirstSeen => "toUnixTimestamp64Milli(min(i.first_seen))",
            IssueSort::Count => "toInt64(sum(i.count))",
            IssueSort::Users => "toInt64(uniqMerge(i.users))",
        }
    }
}

impl Store {
    /// The issues that pass a filter, in order, behind the place `after`; `limit` at most.
    ///
    /// # Errors
    /// ClickHouse is away or gave up.
    pub async fn issues(
        &self,
        filter: &IssueFilter,
        sort: IssueSort,
        direction: Direction,
        after: Option<IssuePlace>,
        limit: u32,
    ) -> Result<Vec<(IssuePlace, Issue)>, StoreError> {
        // Two steps: what is sorted and filtered by is little, the rest is read for one page only.
        let places = self.issue_places(filter, sort, direction, after, limit).await?;
        let ids: Vec<u64> = places.iter().map(|place| place.id).collect();
        let items = self.issues_by_id(&ids).await?;
        let mut items: HashMap<u64, Issue> = items.into_iter().map(|issue| (issue.id, issue)).collect();
        Ok(places.into_iter().filter_map(|place| Some((place, items.remove(&place.id)?))).collect())
    }

    /// One issue, or `None` if there is no such.
    ///
    /// # Errors
    /// ClickHouse is away or gave up.
    pub async fn issue(&self, id: IssueId) -> Result<Option<Issue>, StoreError> {
        Ok(self.issues_by_id(&[id.get()]).await?.pop())
    }

    /// The occurrences of an issue by the hour, oldest first, the last `hours` hours. Hours without any are not there.
    ///
    /// # Errors
    /// ClickHouse is away or gave up.
    pub async fn issue_hours(&self, id: IssueId, hours: u32) -> Result<Vec<HourCount>, StoreError> {
        self.read("issue_hours", include_str!("sql/issue_hours.sql"))
            .param("id", id.get())
            .param("hours", hours)
            // A client's clock may be ahead by a day: those hours count too.
            .param("limit", hours + FUTURE_HOURS)
            .all()
            .await
    }

    async fn issues_by_id(&self, ids: &[u64]) -> Result<Vec<Issue>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let limit = u32::try_from(ids.len()).unwrap_or(limits::PAGE_ITEMS_MAX);
        let of_ids = |name, text| self.read(name, text).param("ids", ids).param("limit", limit);
        let items = of_ids("issue_items", include_str!("sql/issue_items.sql")).all::<Issue>();
        let states = of_ids("issue_states", include_str!("sql/issue_states.sql")).all::<IssueState>();
        let (mut items, states) = try_join(items, states).await?;
        let states: HashMap<u64, Status> = states.into_iter().map(|state| (state.id, state.status)).collect();
        for issue in &mut items {
            issue.status = states.get(&issue.id).copied().unwrap_or(issue.status);
        }
        Ok(items)
    }

    async fn issue_places(
        &self,
        filter: &IssueFilter,
        sort: IssueSort,
        direction: Direction,
        after: Option<IssuePlace>,
        limit: u32,
    ) -> Result<Vec<IssuePlace>, StoreError> {
        let (word, beyond) = match direction {
            Direction::Ascending => ("ASC", "(sort_value, id) > ({after:Int64}, {after_id:UInt64})"),
            Direction::Descending => ("DESC", "(sort_value, id) < ({after:Int64}, {after_id:UInt64})"),
        };
        let mut having = filter.having();
        having.extend(after.is_some().then_some(beyond));
        let text = include_str!("sql/issue_page.sql")
            .replace("{sort}", sort.expression())
            .replace("{direction}", word)
            .replace("{where}", &all_of(&filter.rows()))
            .replace("{having}", &all_of(&having));
        let after = after.unwrap_or(IssuePlace { id: 0, sort_value: 0 });
        let status: Vec<&str> = filter.status.iter().map(|status| status.as_str()).collect();
        let millis = |time: Option<UnixMillis>| time.map_or(0, |time| time.0);
        self.read("issue_page", &text)
            .param("project", filter.project.as_deref().unwrap_or_default())
            .param("environment", filter.environment.as_deref().unwrap_or_default())
            .param("version", filter.version.as_deref().unwrap_or_default())
            .param("level", filter.level.unwrap_or_default())
            .param("status", status)
            .param("text", filter.text.as_deref().unwrap_or_default())
            .param("since", millis(filter.since))
            .param("until", millis(filter.until))
            .param("after", after.sort_value)
            .param("after_id", after.id)
            .param("limit", limit)
            .all()
            .await
    }
}

/// How far into the future the hours of a histogram can lie, with the contract's limit for a client's clock.
const FUTURE_HOURS: u32 = 25;

impl IssueFilter {
    /// Conditions that a row of `issue_store` decides alone: by what is part of the fingerprint, or by its issue.
    fn rows(&self) -> Vec<&'static str> {
        let status = match self.status.as_slice() {
            [] => None,
            // Nobody wrote down that an issue is new.
            wanted if wanted.contains(&IssueStatus::New) => Some(
                "i.issue_id NOT IN (SELECT issue_id FROM issue_transitions WHERE sequence != 0
                    GROUP BY issue_id HAVING argMax(to_status, sequence) NOT IN {status:Array(String)})",
            ),
            _ => Some(
                "i.issue_id IN (SELECT issue_id FROM issue_transitions WHERE sequence != 0
                    GROUP BY issue_id HAVING argMax(to_status, sequence) IN {status:Array(String)})",
            ),
        };
        let project = self.project.is_some().then_some("i.project = {project:String}");
        project.into_iter().chain(status).collect()
    }

    /// Conditions on the whole issue. Each is in the statement only if it is asked for: merging the state behind it for
    /// every issue is what a list costs.
    fn having(&self) -> Vec<&'static str> {
        let conditions = [
            (
                self.environment.is_some(),
                "has(groupUniqArrayMerge(100)(i.environments), {environment:String})",
            ),
            (self.version.is_some(), "has(groupUniqArrayMerge(100)(i.versions), {version:String})"),
            // A number between two levels is the lower one.
            (
                // What is below the lowest name has that name, too.
                self.level.is_some_and(|level| level > TRACE),
                "argMaxMerge(i.latest_level) >= {level:UInt8}",
            ),
            (
                self.level.is_some_and(|level| level < FATAL),
                "argMaxMerge(i.latest_level) < {level:UInt8} + 10",
            ),
            (
                self.text.is_some(),
                "(positionCaseInsensitiveUTF8(any(i.err_type), {text:String}) > 0
                  OR positionCaseInsensitiveUTF8(any(i.err_file_path), {text:String}) > 0
                  OR positionCaseInsensitiveUTF8(argMaxMerge(i.latest_message), {text:String}) > 0)",
            ),
            (self.since.is_some(), "max(i.last_seen) >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')"),
            (self.until.is_some(), "max(i.last_seen) < fromUnixTimestamp64Milli({until:Int64}, 'UTC')"),
        ];
        conditions.into_iter().filter(|(is_wanted, _)| *is_wanted).map(|(_, condition)| condition).collect()
    }
}

const TRACE: u8 = log_center_wire::Level::Trace.number();
const FATAL: u8 = log_center_wire::Level::Fatal.number();

fn all_of(conditions: &[&str]) -> String {
    if conditions.is_empty() { "1".to_owned() } else { conditions.join("\n    AND ") }
}
