//! Asks a filled server what people ask, each question often and with other values each time, and says how long that took.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use hdrhistogram::Histogram;
use log_center_benches::machine::{self, Machine};
use log_center_benches::results::{Figures, write_figures};
use log_center_benches::target::Target;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Longest time that the histogram holds, in microseconds.
const TIME_AT_MOST_US: u64 = 120_000_000;

#[derive(Parser)]
#[command(about, version)]
struct Args {
    /// Base URL of the server
    #[arg(long, default_value = "http://127.0.0.1:8002")]
    api: String,
    /// Base URL of its ClickHouse
    #[arg(long, default_value = "http://127.0.0.1:8123")]
    clickhouse: String,
    /// How often each question is asked
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    times: u32,
    /// Name of the result's two files, without extension
    #[arg(long, default_value = "event-queries")]
    name: String,
}

/// A question: what it is called, and how it is asked the n-th time.
struct Question<'a> {
    name: &'a str,
    ask: Box<dyn Fn(usize) -> Result<Duration> + 'a>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let target = Target::running(args.api.clone(), args.clickhouse.clone())?;
    let events = target.query("SELECT count() FROM log_center.event_store")?;
    let foreign = "NOT match(req_id, '^........-....-7')";
    let (own, foreign) = (ids(&target, &args, &format!("NOT ({foreign})"))?, ids(&target, &args, foreign)?);
    let request = |ids: &[String], turn: usize| {
        let (answer, took) = target.get(&format!("/api/v1/requests/{}", ids[turn % ids.len()]))?;
        ensure!(answer.contains("\"hops\":[{"), "no hops: {answer}");
        Ok(took)
    };
    // A question that finds nothing says nothing of how long it takes to find something.
    let find = |path: String| {
        let (answer, took) = target.get(&path)?;
        ensure!(answer.contains("[{"), "{path} finds nothing: {answer}");
        Ok(took)
    };
    let days = days(&target)?;
    // Another day each time, as long as there is one: what was read before does not help. The days around it are full, too.
    let day = |turn: usize| days[turn % days.len()];
    let window = |turn: usize| {
        let start = day(turn) * DAY_MS;
        format!("since={}&until={}", iso(start), iso(start + DAY_MS))
    };
    let users = samples(&target, &args, "uid", "uid != ''")?;
    let texts = samples(&target, &args, "err_msg", "err_msg LIKE '%limit of % reached'")?;
    let questions = [
        Question { name: "a request by its UUIDv7", ask: Box::new(|turn| request(&own, turn)) },
        Question { name: "a request by a foreign id", ask: Box::new(|turn| request(&foreign, turn)) },
        Question { name: "issues, the latest 50", ask: Box::new(|_| find("/api/v1/issues".to_owned())) },
        Question {
            name: "search: errors of a service, latest 50 of a day",
            ask: Box::new(|turn| {
                find(format!("/api/v1/events?q=level:error%20service:pay&{}", window(turn)))
            }),
        },
        Question {
            name: "search: slow requests of a route, latest 50 of a day",
            ask: Box::new(|turn| {
                find(format!("/api/v1/events?q=route:/api/orders%20tm:%3E900&{}", window(turn)))
            }),
        },
        Question {
            name: "search: a text that is rare, an hour",
            ask: Box::new(|turn| {
                let (text, at) = &texts[turn % texts.len()];
                let (since, until) = (iso(at - HOUR_MS / 2), iso(at + HOUR_MS / 2));
                let text = text.replace(' ', "%20");
                find(format!("/api/v1/events?q=%22{text}%22&since={since}&until={until}"))
            }),
        },
        Question {
            name: "search: everything of a user, a day",
            ask: Box::new(|turn| {
                let (user, at) = &users[turn % users.len()];
                let (since, until) = (iso(at - DAY_MS / 2), iso(at + DAY_MS / 2));
                find(format!("/api/v1/events?q=uid:{user}&since={since}&until={until}"))
            }),
        },
        Question {
            name: "facets of three fields, a day",
            ask: Box::new(|turn| {
                find(format!("/api/v1/events/facets?fields=service,event,route&{}", window(turn)))
            }),
        },
        Question {
            name: "histogram by level, a day",
            ask: Box::new(|turn| find(format!("/api/v1/events/histogram?{}", window(turn)))),
        },
        Question {
            name: "latency percentiles by route, a day (SQL)",
            ask: Box::new(|turn| {
                let began = Instant::now();
                let rows = target.query(&format!(
                    "SELECT project, route, sum(count), quantilesTDigestMerge(0.5, 0.9, 0.95, 0.99)(tm) \
                     FROM log_center.requests_by_minute WHERE minute >= parseDateTimeBestEffort('{}') \
                     AND minute < parseDateTimeBestEffort('{}') GROUP BY project, route FORMAT JSONEachRow",
                    iso(day(turn) * DAY_MS),
                    iso((day(turn) + 1) * DAY_MS),
                ))?;
                ensure!(!rows.is_empty(), "no latencies on a day with events");
                Ok(began.elapsed())
            }),
        },
    ];
    let mut figures = Figures::new("Questions to a filled store");
    figures.say("when", jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ"));
    figures.say("machine", Machine::this());
    figures.say(
        "command",
        format!(
            "cargo run --release --manifest-path benches/Cargo.toml --bin event-queries -- --times {}",
            args.times
        ),
    );
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    figures.say("commit", machine::first_line_of("git", &["-C", root, "describe", "--always", "--dirty"]));
    figures.say("events", &events);
    figures.say("issues", target.query("SELECT count() FROM log_center.issues")?);
    for (table, rows, bytes, parts) in storage(&target)? {
        let each = bytes as f64 / rows.max(1) as f64;
        figures.say(
            &format!("`{table}`"),
            format!("{rows} rows, {:.1} MB, {each:.1} bytes a row, {parts} parts", bytes as f64 / 1e6),
        );
    }
    for question in &questions {
        let mut times = Histogram::<u64>::new_with_max(TIME_AT_MOST_US, 3)?;
        for turn in 0..args.times as usize {
            let took = (question.ask)(turn).with_context(|| question.name.to_owned())?;
            times.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        }
        let millis = |quantile| times.value_at_quantile(quantile) as f64 / 1000.0;
        let value = format!("{:.1} / {:.1} / {:.1}", millis(0.5), millis(0.99), millis(1.0));
        println!("{}: {value}", question.name);
        figures.say(&format!("{}: p50 / p99 / max ms", question.name), value);
    }
    let path = write_figures(&figures, &args.name)?;
    println!("\n{}\nwritten to {}", figures.markdown(), path.display());
    Ok(())
}

/// The days that have as many events as a usual one, at least half of it, counted from 1970-01-01, in an order that is always
/// the same and jumps from one end of the store to the other.
fn days(target: &Target) -> Result<Vec<i64>> {
    let text = target.query(
        "SELECT toInt64(toDate(time)) AS day FROM log_center.event_store GROUP BY day \
         HAVING count() * 2 >= (SELECT count() / uniqExact(toDate(time)) FROM log_center.event_store) ORDER BY cityHash64(day)",
    )?;
    let days: Vec<i64> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    ensure!(!days.is_empty(), "the store holds no event");
    Ok(days)
}

/// Values of a column with the times of their events, in milliseconds since 1970, from all over the store.
fn samples(target: &Target, args: &Args, column: &str, condition: &str) -> Result<Vec<(String, i64)>> {
    let text = target.query(&format!(
        "SELECT {column}, toUnixTimestamp64Milli(time) FROM log_center.event_store WHERE {condition} \
         ORDER BY cityHash64(req_id, time) LIMIT {} FORMAT TSV",
        args.times
    ))?;
    let sample = |line: &str| {
        let (value, time) = line.split_once('\t')?;
        Some((value.to_owned(), time.parse().ok()?))
    };
    let samples: Option<Vec<_>> = text.lines().map(sample).collect();
    let samples = samples.with_context(|| format!("not values of {column} and times: {text}"))?;
    ensure!(!samples.is_empty(), "no event of the store has {column}: {condition}");
    Ok(samples)
}

/// Ids of requests from all over the store.
fn ids(target: &Target, args: &Args, condition: &str) -> Result<Vec<String>> {
    let text = target.query(&format!(
        "SELECT arrayStringConcat(groupArray(req_id), ' ') FROM (SELECT req_id FROM log_center.event_store \
         WHERE {condition} AND event = 'client-res' AND cityHash64(req_id) % 997 = 3 GROUP BY req_id \
         HAVING max(time) - min(time) < 60 ORDER BY cityHash64(req_id, 1) LIMIT {})",
        args.times
    ))?;
    let ids: Vec<_> = text.split_whitespace().map(str::to_owned).collect();
    ensure!(!ids.is_empty(), "the store holds no such request");
    Ok(ids)
}

/// Rows, bytes and parts of each table.
fn storage(target: &Target) -> Result<Vec<(String, u64, u64, u64)>> {
    let text = target.query(
        "SELECT table, sum(rows), sum(bytes_on_disk), count() FROM system.parts WHERE active AND database = 'log_center' \
         AND table LIKE '%store' GROUP BY table ORDER BY table FORMAT TSV",
    )?;
    let row = |line: &str| {
        let mut cells = line.split('\t');
        let name = cells.next()?.to_owned();
        Some((name, cells.next()?.parse().ok()?, cells.next()?.parse().ok()?, cells.next()?.parse().ok()?))
    };
    text.lines().map(|line| row(line).with_context(|| format!("not a row: {line}"))).collect()
}

fn iso(millis: i64) -> String {
    jiff::Timestamp::from_millisecond(millis).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
