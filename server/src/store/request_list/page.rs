use super::{RequestFilter, RequestItem, RequestPlace, RequestSort};
use crate::event::HopState;
use crate::store::place::Place;
use crate::store::statement::{BEHIND, NEWEST_FIRST, Read};
use crate::store::value::Time;
use crate::store::{Store, StoreError, limits};
use clickhouse::Row;
use log_center_wire::{EventKind, Level, UnixMillis};
use serde::Deserialize;
use std::collections::{BTreeSet, HashMap};

/// The time that is read, as buckets of the table and exactly.
const BOUNDS: &str =
    "toStartOfFiveMinutes(e.time) >= toStartOfFiveMinutes(fromUnixTimestamp64Milli({oldest:Int64}, 'UTC'))
    AND toStartOfFiveMinutes(e.time) <= toStartOfFiveMinutes(fromUnixTimestamp64Milli({newest:Int64}, 'UTC'))
    AND e.time >= fromUnixTimestamp64Milli({oldest:Int64}, 'UTC')
    AND e.time <= fromUnixTimestamp64Milli({newest:Int64}, 'UTC')";

/// The record of the end of a hop that a service handled.
const END: &str = "e.event = 'client-res'";

/// No end was written within an hour. Kept by their hashes, the ends of some hours take some megabytes.
const NOT_ENDED: &str = "(e.event = 'client-req' AND cityHash64(e.req_id, e.project, e.span_id) NOT IN (
        SELECT cityHash64(a.req_id, a.project, a.span_id)
        FROM event_store AS a
        WHERE toStartOfFiveMinutes(a.time) >= toStartOfFiveMinutes(fromUnixTimestamp64Milli({oldest:Int64}, 'UTC'))
            AND toStartOfFiveMinutes(a.time) <= toStartOfFiveMinutes(fromUnixTimestamp64Milli({ended:Int64}, 'UTC'))
            AND a.time >= fromUnixTimestamp64Milli({oldest:Int64}, 'UTC')
            AND a.time <= fromUnixTimestamp64Milli({ended:Int64}, 'UTC')
            AND a.event = 'client-res' AND ({service:String} = '' OR a.project = {service:String})
    ))";

#[derive(Row, Deserialize)]
struct PageRow {
    time: Time,
    event: String,
    req_id: String,
    service: String,
    environment: String,
    method: String,
    route: String,
    url: String,
    status: u16,
    duration_ms: Option<f64>,
    uid: String,
    rrdid: String,
    ip: String,
    span_id: String,
    parent_id: String,
    state: String,
    received_at: Time,
    batch: u64,
    ordinal: u32,
}

#[derive(Row, Deserialize)]
struct Errors {
    req_id: String,
    count: u64,
}

impl Store {
    /// Requests in order, behind the place `after`; `limit` at most. None is left out and none comes twice, whatever
    /// arrives between two pages.
    ///
    /// # Errors
    /// ClickHouse is away or gave up.
    pub async fn requests(
        &self,
        filter: &RequestFilter,
        sort: RequestSort,
        after: Option<RequestPlace>,
        limit: u32,
    ) -> Result<Vec<RequestItem>, StoreError> {
        let mut items = if filter.outermost {
            self.outermost_items(filter, sort, after, limit).await?
        } else {
            self.request_items(filter, sort, after, limit).await?
        };
        let errors = self.request_errors(&items).await?;
        for item in &mut items {
            item.error_count = errors.get(&item.req_id).copied().unwrap_or(0);
        }
        Ok(items)
    }

    async fn request_items(
        &self,
        filter: &RequestFilter,
        sort: RequestSort,
        after: Option<RequestPlace>,
        limit: u32,
    ) -> Result<Vec<RequestItem>, StoreError> {
        let rows = match filter.state {
            Some(HopState::Unfinished) => self.unfinished_rows(filter, after, limit).await?,
            _ => self.request_rows(filter, sort, after, limit).all().await?,
        };
        Ok(rows.into_iter().map(RequestItem::from).collect())
    }

    /// Whether a hop is the outermost is known only when its request was looked at. So hops are read until enough of them are, each time
    /// more at once.
    async fn outermost_items(
        &self,
        filter: &RequestFilter,
        sort: RequestSort,
        mut after: Option<RequestPlace>,
        limit: u32,
    ) -> Result<Vec<RequestItem>, StoreError> {
        let mut found = Vec::new();
        let mut at_once = limit;
        loop {
            at_once = (at_once * 4).min(limits::REQUEST_HOPS_AT_ONCE.max(limit));
            let mut items = self.request_items(filter, sort, after, at_once).await?;
            let is_last = items.len() < at_once as usize;
            after = RequestPlace::behind(&items).or(after);
            self.keep_outermost(&mut items).await?;
            found.extend(items);
            if is_last || found.len() >= limit as usize {
                found.truncate(limit as usize);
                return Ok(found);
            }
        }
    }

    /// Some hours after the other, so that the ends of only so many requests have to be kept in memory.
    async fn unfinished_rows(
        &self,
        filter: &RequestFilter,
        mut after: Option<RequestPlace>,
        limit: u32,
    ) -> Result<Vec<PageRow>, StoreError> {
        let mut rows = Vec::new();
        let mut newest = after.map_or(filter.until, |after| after.place.time);
        while newest >= filter.since {
            let oldest = filter.since.max(newest - limits::UNFINISHED_SLICE_MS);
            let slice = RequestFilter { since: oldest, until: newest, ..filter.clone() };
            let missing = limit - u32::try_from(rows.len()).unwrap_or(limit);
            let read = self.request_rows(&slice, RequestSort::Latest, after.take(), missing);
            rows.extend(read.all::<PageRow>().await?);
            if rows.len() >= limit as usize {
                break;
            }
            newest = oldest - 1;
        }
        Ok(rows)
    }

    fn request_rows(
        &self,
        filter: &RequestFilter,
        sort: RequestSort,
        after: Option<RequestPlace>,
        limit: u32,
    ) -> Read {
        let start = RequestPlace { place: Place::newest(filter.until), duration_ms: f64::INFINITY };
        let after = after.unwrap_or(start);
        let newest = match sort {
            RequestSort::Latest => after.place.time,
            RequestSort::Slowest => filter.until,
        };
        let text = include_str!("../sql/request_page.sql")
            .replace("{behind}", sort.behind())
            .replace("{order}", sort.order())
            .replace("{bounds}", BOUNDS)
            .replace("{condition}", &filter.conditions().join("\n    AND "));
        let word = |text: &Option<String>| text.clone().unwrap_or_default();
        self.read("request_page", &text)
            .param("oldest", filter.since)
            .param("newest", newest)
            .param("ended", newest.saturating_add(limits::UNFINISHED_AFTER_MS))
            .param("service", word(&filter.service))
            .param("environment", word(&filter.environment))
            .param("method", word(&filter.method))
            .param("route", word(&filter.route))
            .param("status", &filter.status)
            .param("uid", word(&filter.uid))
            .param("rrdid", word(&filter.rrdid))
            .param("ip", word(&filter.ip))
            .param("url", word(&filter.url))
            .param("min_ms", filter.min_ms.unwrap_or_default())
            .param("max_ms", filter.max_ms.unwrap_or_default())
            .behind(after.place)
            // To the last bit, and infinite ones too.
            .param("after_ms_bits", after.duration_ms.to_bits())
            .param("limit", limit)
    }

    /// The number of errors by request.
    async fn request_errors(&self, items: &[RequestItem]) -> Result<HashMap<String, u64>, StoreError> {
        if items.is_empty() {
            return Ok(HashMap::new());
        }
        let buckets: BTreeSet<i64> = items.iter().flat_map(RequestItem::buckets).collect();
        let ids: BTreeSet<&str> = items.iter().map(|item| item.req_id.as_str()).collect();
        let rows: Vec<Errors> = self
            .read("request_errors", include_str!("../sql/request_errors.sql"))
            .param("buckets", buckets)
            .param("ids", &ids)
            .param("level", Level::Error.number())
            .param("limit", u32::try_from(ids.len()).unwrap_or(u32::MAX))
            .all()
            .await?;
        Ok(rows.into_iter().map(|row| (row.req_id, row.count)).collect())
    }
}

impl RequestSort {
    const fn order(self) -> &'static str {
        match self {
            RequestSort::Latest => NEWEST_FIRST,
            RequestSort::Slowest => {
                "ifNull(e.tm, -1) DESC, e.time DESC, e.received_at DESC, e.batch DESC, e.ordinal DESC"
            }
        }
    }

    /// What is not before the place.
    const fn behind(self) -> &'static str {
        match self {
            RequestSort::Latest => BEHIND,
            RequestSort::Slowest => {
                "(ifNull(e.tm, -1), toUnixTimestamp64Milli(e.time), toUnixTimestamp64Milli(e.received_at), e.batch, e.ordinal)
        < (reinterpretAsFloat64({after_ms_bits:UInt64}), {after:Int64}, {after_received_at:Int64}, {after_batch:UInt64},
            {after_ordinal:UInt32})
    AND ifNull(e.tm, -1) >= (
        -- So long the last on the page takes at the least: what is to be shown need not be read of shorter ones.
        SELECT if(count() < {limit:UInt32}, -inf, min(d))
        FROM
        (
            SELECT ifNull(e.tm, -1) AS d
            FROM event_store AS e
            WHERE {bounds}
                AND {condition}
                AND (d, toUnixTimestamp64Milli(e.time)) < (reinterpretAsFloat64({after_ms_bits:UInt64}), {after:Int64})
            ORDER BY d DESC
            LIMIT {limit:UInt32}
        )
    )"
            }
        }
    }
}

impl RequestFilter {
    /// Each is in the statement only if it is asked for: what no condition names need not be read.
    fn conditions(&self) -> Vec<String> {
        let state = match self.state {
            None => format!("{END} AND e.state != 'unfinished'"),
            Some(HopState::Ok) => format!("{END} AND e.state = 'ok'"),
            Some(HopState::Error) => format!("{END} AND e.state = 'error'"),
            Some(HopState::Unfinished) => format!("({NOT_ENDED} OR ({END} AND e.state = 'unfinished'))"),
        };
        let others = [
            (self.service.is_some(), "e.project = {service:String}"),
            (self.environment.is_some(), "e.environment = {environment:String}"),
            (self.method.is_some(), "e.method = {method:String}"),
            (self.route.is_some(), "e.route = {route:String}"),
            (!self.status.is_empty(), "e.status IN {status:Array(UInt16)}"),
            (self.uid.is_some(), "e.uid = {uid:String}"),
            (self.rrdid.is_some(), "e.rrdid = {rrdid:String}"),
            (self.ip.is_some(), "e.ip = {ip:String}"),
            (self.url.is_some(), "positionCaseInsensitiveUTF8(e.url, {url:String}) > 0"),
            (self.min_ms.is_some(), "ifNull(e.tm >= {min_ms:Float64}, 0)"),
            (self.max_ms.is_some(), "ifNull(e.tm <= {max_ms:Float64}, 0)"),
        ];
        let others = others.into_iter().filter(|(is_wanted, _)| *is_wanted);
        ["e.req_id != ''".to_owned(), state]
            .into_iter()
            .chain(others.map(|(_, condition)| condition.to_owned()))
            .collect()
    }
}

/// Milliseconds in a bucket of the table.
const BUCKET_MS: i64 = 5 * 60 * 1000;

impl RequestItem {
    /// The buckets, by their starts in seconds, in which the hop around it was begun and ended: before and after itself.
    pub(super) fn buckets_around(&self) -> impl Iterator<Item = i64> + use<> {
        let at = self.place.time;
        let began = self.started_at.0.0.max(at - limits::REQUEST_ERRORS_MS);
        let buckets = (began - BUCKET_MS).div_euclid(BUCKET_MS)..=(at + BUCKET_MS).div_euclid(BUCKET_MS);
        buckets.filter(|bucket| *bucket >= 0).map(|bucket| bucket * BUCKET_MS / 1000)
    }

    /// The buckets, by their starts in seconds, in which its errors are counted.
    fn buckets(&self) -> impl Iterator<Item = i64> + use<> {
        let at = self.place.time;
        let (first, last) = if self.has_end {
            (self.started_at.0.0.max(at - limits::REQUEST_ERRORS_MS), at)
        } else {
            (at, at + limits::REQUEST_ERRORS_MS)
        };
        (first.div_euclid(BUCKET_MS)..=last.div_euclid(BUCKET_MS)).map(|bucket| bucket * BUCKET_MS / 1000)
    }
}

impl From<PageRow> for RequestItem {
    fn from(row: PageRow) -> Self {
        let at = row.time.0.0;
        let started_at = at.saturating_sub(row.duration_ms.unwrap_or_default().round() as i64);
        Self {
            req_id: row.req_id,
            started_at: Time(UnixMillis(started_at.max(0))),
            service: row.service,
            environment: row.environment,
            method: row.method,
            route: row.route,
            url: row.url,
            status: Some(row.status).filter(|status| *status != 0),
            duration_ms: row.duration_ms,
            uid: row.uid,
            rrdid: row.rrdid,
            ip: row.ip,
            span_id: row.span_id,
            parent_id: row.parent_id,
            error_count: 0,
            // A begin without an end has no state.
            state: HopState::named(&row.state).unwrap_or(HopState::Unfinished),
            has_end: row.event == EventKind::ClientRes.as_str(),
            place: Place {
                time: at,
                received_at: row.received_at.0.0,
                batch: row.batch,
                ordinal: row.ordinal,
            },
        }
    }
}
