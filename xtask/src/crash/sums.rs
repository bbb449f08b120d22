//! What the tables that ClickHouse adds up from the events have to hold, said anew, so that the check does not lean on
//! the statements under test.

/// A table of sums, and what it has to be.
#[derive(Debug)]
pub(super) struct Sum {
    /// The table.
    pub(super) table: &'static str,
    /// Whether amounts are numbers of events.
    pub(super) is_count: bool,
    /// What it holds: rows of `key` and `amount`.
    has: &'static str,
    /// What the events give: the same.
    wants: &'static str,
}

/// Differences that are asked for; there is more to look at than this once anything is wrong.
const DIFFERENCES_AT_MOST: usize = 1_000;

impl Sum {
    /// The statement that gives each key whose amounts differ, with what the table has too much.
    pub(super) fn differences(&self) -> String {
        let Self { table, has, wants, .. } = self;
        // Records past their retention are compared apart: their events are gone.
        let others = if *table == "event_count_store" { " WHERE project != 'crash_expired'" } else { "" };
        format!(
            "SELECT toString(key), toString(sum(signed)) FROM (\
             SELECT key, toInt64(amount) AS signed FROM (SELECT {has} FROM log_center.{table}{others} GROUP BY key) \
             UNION ALL \
             SELECT key, -toInt64(amount) AS signed FROM (SELECT {wants} GROUP BY key)\
             ) GROUP BY key HAVING sum(signed) != 0 ORDER BY key LIMIT {DIFFERENCES_AT_MOST}"
        )
    }
}

/// All of them.
pub(super) const SUMS: [Sum; 9] = [
    Sum {
        table: "issue_store",
        is_count: true,
        has: "(issue_id, hex(fingerprint)) AS key, sum(count) AS amount",
        wants: "(issue_id, hex(fingerprint)) AS key, count() AS amount \
                FROM log_center.event_store WHERE issue_id != 0",
    },
    Sum {
        table: "issue_hour_store",
        is_count: true,
        has: "(issue_id, toString(hour)) AS key, sum(count) AS amount",
        wants: "(issue_id, toString(toStartOfHour(time))) AS key, count() AS amount \
                FROM log_center.event_store WHERE issue_id != 0",
    },
    Sum {
        table: "request_minute_store",
        is_count: true,
        has: "(toString(minute), toString(project), toString(route), status) AS key, sum(count) AS amount",
        wants: "(toString(toStartOfMinute(time)), toString(project), toString(route), status) AS key, \
                count() AS amount FROM log_center.event_store WHERE event = 'client-res'",
    },
    // Handling times are whole numbers here, so their sums are exact.
    Sum {
        table: "request_minute_store",
        is_count: false,
        has: "toString(minute) AS key, sum(errors) * 1000000000 + sum(tm_sum) AS amount",
        wants: "toString(toStartOfMinute(time)) AS key, countIf(status >= 500) * 1000000000 + sum(tm) AS amount \
                FROM log_center.event_store WHERE event = 'client-res'",
    },
    Sum {
        table: "call_minute_store",
        is_count: true,
        has: "(toString(minute), toString(project), toString(host), toString(route), http_code) AS key, \
              sum(count) AS amount",
        wants: "(toString(toStartOfMinute(time)), toString(project), toString(service_host), \
                toString(service_route), ifNull(service_http_code, 0)) AS key, count() AS amount \
                FROM log_center.event_store WHERE event IN ('service-end', 'service-err')",
    },
    Sum {
        table: "performance_minute_store",
        is_count: true,
        has: "(toString(minute), toString(project), toString(hostname)) AS key, sum(count) AS amount",
        wants: "(toString(toStartOfMinute(time)), toString(project), toString(hostname)) AS key, count() AS amount \
                FROM log_center.event_store WHERE scope = 'stat'",
    },
    Sum {
        table: "performance_minute_store",
        is_count: false,
        has: "toString(minute) AS key, sum(rss_sum) AS amount",
        wants: "toString(toStartOfMinute(time)) AS key, sum(perf_rss) AS amount \
                FROM log_center.event_store WHERE scope = 'stat'",
    },
    Sum {
        table: "event_count_store",
        is_count: true,
        has: "(toString(quarter), toString(project), level, toString(scope), toString(event), toString(msg)) AS key, \
              sum(count) AS amount",
        wants: "(toString(toStartOfFifteenMinutes(time)), toString(project), level, toString(scope), \
                toString(event), toString(msg)) AS key, count() AS amount FROM log_center.event_store \
                WHERE project != 'crash_expired'",
    },
    // It holds the first and the last time of a request: what is doubled changes nothing, what is lost does. A request
    // that lacks is there with nothing, one with other times with the difference of these.
    Sum {
        table: "request_time_store",
        is_count: false,
        has: "req_id AS key, \
              1 + toUnixTimestamp64Milli(min(first_time)) + 3 * toUnixTimestamp64Milli(max(last_time)) AS amount",
        wants: "req_id AS key, \
                1 + toUnixTimestamp64Milli(min(time)) + 3 * toUnixTimestamp64Milli(max(time)) AS amount \
                FROM log_center.event_store WHERE startsWith(req_id, 'visit-') OR startsWith(req_id, 'crash-')",
    },
];
