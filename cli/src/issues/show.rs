//! `log-center issues show`.

use super::list::users;
use super::{Issue, missing, path};
use crate::Ending;
use crate::client::{Client, SILENCE, ServerArgs};
use crate::list;
use crate::out::Out;
use crate::parameters::Parameters;
use crate::record::moment;
use crate::style::{BAD, BOLD, ColorArgs, DIM, NAME, WARNING, of_level, plain};
use log_center_wire::UnixMillis;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::time::{SystemTime, UNIX_EPOCH};

/// Which issue, and how it is shown.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit code 4: there is no such issue.

  log-center issues show 6844892449514628
  log-center issues show 6844892449514628 --json | jq -r '.sample.stack_trace[]'")]
pub(super) struct ShowArgs {
    /// The number of the issue.
    id: String,

    /// Print the server's answer as it is.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    server: ServerArgs,

    #[command(flatten)]
    color: ColorArgs,
}

/// The answer of `GET /api/v1/issues/{id}`, as far as it is shown.
#[derive(Deserialize)]
struct Detail<'a> {
    #[serde(flatten)]
    issue: Issue,
    #[serde(borrow)]
    sample: Option<Sample<'a>>,
    #[serde(default)]
    histogram: Vec<Hour>,
    #[serde(default)]
    allowed: Vec<String>,
}

/// An occurrence.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Sample<'a> {
    time: String,
    message: String,
    environment: String,
    version: String,
    commit_hash: String,
    hostname: String,
    user_id: String,
    request_id: String,
    stack_trace: Vec<String>,
    #[serde(borrow)]
    context: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Hour {
    hour: String,
    count: u64,
}

/// A change of the state.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Transition {
    from: String,
    to: String,
    at: String,
    actor: String,
    note: String,
}

/// Changes of the state that are shown, the first ones. Few issues have more.
const TRANSITIONS: usize = 500;

/// Hours whose occurrences are drawn: a week.
const HOURS: usize = 7 * 24;

/// Characters of that drawing, each of three hours; where lines are shorter, half as many of six.
const BARS: usize = 56;

pub(super) fn run(args: &ShowArgs) -> anyhow::Result<Ending> {
    let client = Client::new(&args.server, SILENCE);
    let parameters = Parameters::default().with("hours", Some(HOURS));
    let answer = match client.get(&parameters.behind(&path(&args.id)), &[]) {
        Ok(answer) => answer,
        Err(error) => return missing(error),
    };
    let text = client.text(answer)?;
    let mut out = Out::colored(args.color);
    if args.json {
        out.json(&text)?;
    } else {
        let history = format!("{}/history", path(&args.id));
        let history = list::first(&client, &history, &Parameters::default(), TRANSITIONS)?;
        let detail: Detail<'_> = list::item(&text)?;
        head(&mut out, &detail)?;
        if let Some(sample) = &detail.sample {
            occurrence(&mut out, &detail.issue, sample)?;
        }
        changes(&mut out, &detail, &history.items)?;
    }
    out.flush()?;
    Ok(Ending::Done)
}

fn head(out: &mut Out, detail: &Detail<'_>) -> std::io::Result<()> {
    let issue = &detail.issue;
    let style = of_level(&issue.level);
    out.wrapped(format_args!("{BOLD}{}{BOLD:#}", issue.title()), HANG)?;
    out.wrapped(
        format_args!(
            "issue {} of {NAME}{}{NAME:#}, {style}{}{style:#}, {WARNING}{}{WARNING:#}",
            issue.id,
            plain(&issue.project_id),
            plain(&issue.level),
            plain(&issue.status)
        ),
        HANG,
    )?;
    let times = if issue.count == 1 { "once".to_owned() } else { format!("{} times", issue.count) };
    out.wrapped(
        format_args!(
            "{times}, {}, first {}, last {}",
            users(issue.users),
            moment(&issue.first_seen),
            moment(&issue.last_seen)
        ),
        HANG,
    )?;
    for (name, values) in [("in", &issue.environments), ("versions", &issue.versions)] {
        let values: Vec<_> =
            values.iter().filter(|value| !value.is_empty()).map(|value| plain(value)).collect();
        if !values.is_empty() {
            out.wrapped(format_args!("{name} {}", values.join(", ")), HANG)?;
        }
    }
    let is_narrow = out.width().is_some_and(|width| width < BARS);
    let counts = by_time(&detail.histogram, if is_narrow { BARS / 2 } else { BARS }, now_ms());
    if let Some(most) = counts.iter().max().filter(|most| **most > 0) {
        let hours = HOURS / counts.len();
        out.line(bars(&counts, *most))?;
        out.wrapped(
            format_args!("{DIM}the last 7 days; the highest is {most} in {hours} hours{DIM:#}"),
            HANG,
        )?;
    }
    Ok(())
}

fn occurrence(out: &mut Out, issue: &Issue, sample: &Sample<'_>) -> anyhow::Result<()> {
    out.line("")?;
    let mut line = format!("{BOLD}latest occurrence{BOLD:#} {}", moment(&sample.time));
    for (name, value) in [
        ("environment", &sample.environment),
        ("version", &sample.version),
        ("commit", &sample.commit_hash),
        ("host", &sample.hostname),
        ("uid", &sample.user_id),
        ("req", &sample.request_id),
    ] {
        if !value.is_empty() {
            line += &format!(" {name}={}", plain(value));
        }
    }
    out.wrapped(line, HANG)?;
    out.wrapped(format_args!("  {BAD}{}: {}{BAD:#}", plain(&issue.r#type), plain(&sample.message)), HANG)?;
    for frame in &sample.stack_trace {
        out.wrapped(format_args!("  {}", plain(frame)), HANG)?;
    }
    if let Some(context) = sample.context.map(RawValue::get).filter(|context| *context != "null") {
        out.wrapped(format_args!("  {DIM}{}{DIM:#}", plain(context)), HANG)?;
    }
    Ok(())
}

fn changes(out: &mut Out, detail: &Detail<'_>, history: &[String]) -> anyhow::Result<()> {
    if !history.is_empty() {
        out.line(format_args!("\n{BOLD}history{BOLD:#}"))?;
    }
    for change in history {
        let change: Transition = list::item(change)?;
        let note = if change.note.is_empty() { String::new() } else { format!(": {}", plain(&change.note)) };
        out.wrapped(
            format_args!(
                "  {DIM}{}{DIM:#} {} → {} by {}{note}",
                moment(&change.at),
                plain(&change.from),
                plain(&change.to),
                plain(&change.actor),
            ),
            HANG,
        )?;
    }
    if !detail.allowed.is_empty() {
        let allowed: Vec<_> = detail.allowed.iter().map(|state| plain(state).to_lowercase()).collect();
        out.line("")?;
        let id = detail.issue.id;
        out.wrapped(format_args!("next: log-center issues set {id} {}", allowed.join("|")), HANG)?;
    }
    Ok(())
}

/// How far a line goes on to the right.
const HANG: usize = 4;

/// How many occurrences fall into each bar, the last of which ends now.
fn by_time(hours: &[Hour], bars: usize, now_ms: i64) -> Vec<u64> {
    const HOUR_MS: i64 = 60 * 60 * 1000;
    let mut counts = vec![0; bars];
    let now_hour = now_ms.div_euclid(HOUR_MS);
    for Hour { hour, count } in hours {
        let Ok(time) = UnixMillis::parse(hour) else { continue };
        let age = now_hour - time.0.div_euclid(HOUR_MS);
        let back = usize::try_from(age.max(0)).unwrap_or(usize::MAX) / (HOURS / bars);
        if let Some(bar) = counts.iter_mut().rev().nth(back) {
            *bar += *count;
        }
    }
    counts
}

fn bars(counts: &[u64], most: u64) -> String {
    const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let bar = |count: u64| match count {
        0 => ' ',
        count => LEVELS[usize::try_from((count * 8).div_ceil(most.max(1)) - 1).unwrap_or(0).min(7)],
    };
    counts.iter().map(|count| bar(*count)).collect()
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{BARS, Hour, bars, by_time};
    use log_center_wire::UnixMillis;

    #[test]
    fn occurrences_are_drawn_where_they_happened() {
        let now = UnixMillis::parse("2026-11-27T10:30:00Z").unwrap().0;
        let hour = |hour: &str, count| Hour { hour: hour.to_owned(), count };
        let hours = [
            hour("2026-11-27T10:00:00.000Z", 1),
            hour("2026-11-27T09:00:00.000Z", 2),
            hour("2026-11-27T07:00:00.000Z", 8),
            hour("2026-11-20T11:00:00.000Z", 16),
            // Older than is drawn, ahead of this clock, and no time at all.
            hour("2026-11-20T10:00:00.000Z", 100),
            hour("2026-11-27T12:00:00.000Z", 1),
            hour("never", 100),
        ];
        let counts = by_time(&hours, BARS, now);
        assert_eq!((counts[0], counts[BARS - 2], counts[BARS - 1]), (16, 8, 4));
        let drawn = bars(&counts, 16);
        assert!(drawn.starts_with("█ ") && drawn.ends_with(" ▄▂"), "{drawn:?}");
        assert_eq!(drawn.chars().count(), BARS);
        let halved = by_time(&hours, BARS / 2, now);
        assert_eq!((halved.len(), halved[0], halved[BARS / 2 - 1]), (BARS / 2, 16, 12));
    }
}
