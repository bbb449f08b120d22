//! Hops as lines, each with a bar where it lies in the time of the whole.

use super::DEFAULT_WIDTH;
use super::answer::{Hop, Placed, Request};
use super::clocks::Clocks;
use super::fold;
use crate::client::unreadable;
use crate::out::Out;
use crate::record::Record;
use crate::style::{BAD, BOLD, DIM, GOOD, NAME, WARNING, fitted, millis, of_state, plain};
use std::collections::HashMap;
use unicode_width::UnicodeWidthStr;

/// The widest that service and name may be, in characters; less where the terminal is narrow.
const NAME_WIDTH: usize = 56;

/// The least that service and name are, if there are bars. A terminal that is too narrow for both has no bars.
const NAME_LEAST: usize = 12;

/// The least that a bar is.
const BAR_WIDTH: usize = 10;

/// The part of the room for names that may be indentation. What is deeper than that stands below each other, with its depth
/// as a number.
const INDENTATION: usize = 2;

/// The status, with a space before.
const STATUS_WIDTH: usize = 4;

/// The least that begin and duration are, each with a space before.
const FIGURE_WIDTH: usize = 10;

/// From which level on a record is shown below its hop: WARN.
const SHOWN_LEVEL: u64 = 40;

/// The request, without the list of its records. Whether there are hops at all.
pub(super) fn print(out: &mut Out, request: &Request<'_>) -> anyhow::Result<bool> {
    let hops = request.hops().map_err(|error| unreadable(&error))?;
    let clocks = Clocks::new(&hops);
    head(out, request, &clocks)?;
    if hops.is_empty() {
        out.line(format_args!("{DIM}nobody wrote of its hops{DIM:#}"))?;
        return Ok(false);
    }
    let layout = Layout::new(out.width().unwrap_or(DEFAULT_WIDTH), request, &hops, &clocks);
    let mut inside = notable(request, &hops);
    out.line(layout.heading())?;
    for (index, Placed { depth, hop }) in hops.iter().enumerate() {
        out.line(layout.line(index, &hops[index], &clocks))?;
        let indent = layout.indent.of(*depth + 1);
        for text in notes(index, *depth, hop) {
            out.wrapped(format_args!("{indent}{WARNING}{text}{WARNING:#}"), indent.len() + HANG)?;
        }
        let records = inside.remove(&Some(index)).unwrap_or_default();
        for line in fold::by_kind(&records, |record| record.told().to_string()) {
            out.wrapped(format_args!("{indent}{line}"), indent.len() + HANG)?;
        }
    }
    let stray = inside.remove(&None).unwrap_or_default();
    for line in fold::by_kind(&stray, |record| record.told().to_string()) {
        out.wrapped(line, HANG)?;
    }
    Ok(true)
}

/// How far a line goes on to the right of where it began.
const HANG: usize = 4;

/// All records in their order.
pub(super) fn list(out: &mut Out, request: &Request<'_>) -> std::io::Result<()> {
    for (first, text) in fold::in_a_row(&request.events, |record| record.told().to_string()) {
        out.wrapped(format_args!("{DIM}{}{DIM:#} {text}", first.clock()), HANG)?;
    }
    Ok(())
}

fn head(out: &mut Out, request: &Request<'_>, clocks: &Clocks) -> std::io::Result<()> {
    let count = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    let errors = usize::try_from(request.error_count).unwrap_or(usize::MAX);
    let services: Vec<_> = request.services.iter().map(|name| plain(name)).collect();
    out.wrapped(
        format_args!("{BOLD}{}{BOLD:#}  {}", plain(&request.req_id), plain(&request.started_at)),
        HANG,
    )?;
    let written = millis(request.duration_ms);
    let duration = if clocks.differ {
        format!("{} ms ({written} ms by the clocks of its hosts, which differ)", millis(clocks.duration_ms))
    } else {
        format!("{written} ms")
    };
    let errors_style = if errors > 0 { BAD } else { GOOD };
    let (style, word) = if request.complete { (GOOD, "complete") } else { (WARNING, "incomplete") };
    let mut line = format!(
        "{duration} · {} ({}) · {} · {errors_style}{}{errors_style:#} · {style}{word}{style:#}",
        count(services.len(), "service"),
        services.join(", "),
        count(request.record_count(), "record"),
        count(errors, "error"),
    );
    if request.truncated {
        line += &format!(" · {WARNING}truncated{WARNING:#}");
    }
    out.wrapped(line, HANG)?;
    if !request.issues.is_empty() {
        let issues: Vec<_> = request.issues.iter().map(u64::to_string).collect();
        let word = if issues.len() == 1 { "issue" } else { "issues" };
        out.wrapped(format_args!("{word}: {}", issues.join(", ")), HANG)?;
    }
    out.line("")
}

/// What is to be said about a hop.
fn notes(index: usize, depth: usize, hop: &Hop) -> Vec<String> {
    let mut notes = Vec::new();
    if depth == 0 && !hop.parent_id.is_empty() && index > 0 {
        notes.push(format!("gap: nobody wrote about its caller (span {})", plain(&hop.parent_id)));
    }
    if hop.is_unfinished() {
        notes.push("gap: unfinished, nobody wrote its end".to_owned());
    }
    if let Some(skew) = hop.clock_skew_ms {
        let (size, way) = (millis(skew.abs()), if skew < 0.0 { "behind" } else { "ahead of" });
        let start = millis(hop.start_ms);
        notes.push(format!(
            "the clock of this host is {size} ms or more {way} its caller's; it wrote {start} as its start"
        ));
    }
    notes
}

/// Where the columns are.
struct Layout {
    labels: Vec<String>,
    indent: Indent,
    name_width: usize,
    start_width: usize,
    duration_width: usize,
    scale: Option<Scale>,
}

impl Layout {
    fn new(width: usize, request: &Request<'_>, hops: &[Placed], clocks: &Clocks) -> Self {
        let start = |(index, placed): (usize, &Placed)| millis(clocks.start_ms(index, placed.hop.start_ms));
        let start_width = widest(hops.iter().enumerate().map(start));
        let duration_width = widest(hops.iter().map(|placed| duration(&placed.hop)));
        let figures = STATUS_WIDTH + start_width + 1 + duration_width + 1;
        let has_bars = width >= NAME_LEAST + figures + 1 + BAR_WIDTH;
        let beside = if has_bars { figures + 1 + BAR_WIDTH } else { figures };
        let room = width.saturating_sub(beside).clamp(1, NAME_WIDTH);
        let indent = Indent { depth_most: room / INDENTATION / INDENT.len() };
        let labels: Vec<String> = hops.iter().map(|placed| indent.label(placed)).collect();
        let widest = labels.iter().map(|label| label.width()).max().unwrap_or(0);
        let name_width = widest.clamp(1, room);
        let total_ms = if clocks.differ { clocks.duration_ms } else { request.duration_ms };
        let scale =
            Scale { total_ms: total_ms.max(0.001), width: width.saturating_sub(name_width + figures + 1) };
        Self { labels, indent, name_width, start_width, duration_width, scale: has_bars.then_some(scale) }
    }

    fn heading(&self) -> String {
        let Self { name_width, start_width, duration_width, .. } = self;
        let name = fitted("", *name_width);
        format!("{DIM}{name} {:>3} {:>start_width$} {:>duration_width$}{DIM:#}", "", "start", "ms")
    }

    fn line(&self, index: usize, Placed { hop, .. }: &Placed, clocks: &Clocks) -> String {
        let Self { name_width, start_width, duration_width, .. } = self;
        let style = of_state(&hop.state);
        let name = colored(hop, &fitted(&self.labels[index], *name_width));
        let status = hop.status.map(|status| status.to_string()).unwrap_or_default();
        let start_ms = clocks.start_ms(index, hop.start_ms);
        let (start, duration) = (millis(start_ms), duration(hop));
        let bar = self.scale.as_ref().map_or_else(String::new, |scale| {
            let (before, bar) = scale.bar(start_ms, hop.duration_ms);
            format!(" {before}{style}{bar}{style:#}")
        });
        format!(
            "{name} {style}{status:>3}{style:#} {start:>start_width$} {style}{duration:>duration_width$}{style:#}{bar}"
        )
    }
}

/// The width of a column of such figures.
fn widest(figures: impl Iterator<Item = String>) -> usize {
    figures.map(|figure| figure.len()).max().unwrap_or(0).max(FIGURE_WIDTH)
}

fn duration(hop: &Hop) -> String {
    hop.duration_ms.map_or_else(|| "?".to_owned(), millis)
}

/// How far what is inside stands to the right of what is around.
struct Indent {
    depth_most: usize,
}

/// One step of it.
const INDENT: &str = "  ";

impl Indent {
    fn of(&self, depth: usize) -> String {
        if depth <= self.depth_most {
            return INDENT.repeat(depth);
        }
        format!("{}{depth} ", INDENT.repeat(self.depth_most))
    }

    fn label(&self, Placed { depth, hop }: &Placed) -> String {
        let indent = self.of(*depth);
        // A call is named by the place that is called; the service is the one above.
        if hop.is_call() {
            return format!("{indent}→ {}", plain(&hop.name));
        }
        format!("{indent}{} {}", plain(&hop.project), plain(&hop.name))
    }
}

/// The service in its colour, where it still stands after the label was cut.
fn colored(hop: &Hop, label: &str) -> String {
    let service = plain(&hop.project);
    if hop.is_call() || service.is_empty() {
        return label.to_owned();
    }
    label.replacen(&*service, &format!("{NAME}{service}{NAME:#}"), 1)
}

/// The time of the whole on so many characters.
struct Scale {
    total_ms: f64,
    width: usize,
}

impl Scale {
    /// The space before a hop's bar, and the bar.
    fn bar(&self, start_ms: f64, duration_ms: Option<f64>) -> (String, String) {
        let at = |ms: f64| (ms / self.total_ms * self.width as f64).clamp(0.0, self.width as f64);
        let from = (at(start_ms).floor() as usize).min(self.width - 1);
        let bar = match duration_ms {
            Some(duration) => {
                let to = at(start_ms + duration).ceil() as usize;
                "━".repeat(to.max(from + 1) - from)
            }
            None => "╌".repeat(self.width - from),
        };
        (" ".repeat(from), bar)
    }
}

/// The records that are shown, by the hop that they belong to; `None` = to none that is known.
fn notable<'a>(request: &'a Request<'_>, hops: &[Placed]) -> HashMap<Option<usize>, Vec<&'a Record>> {
    let mut by_span = HashMap::new();
    let mut by_service = HashMap::new();
    for (index, Placed { hop, .. }) in hops.iter().enumerate() {
        if !hop.span_id.is_empty() {
            by_span.entry(hop.span_id.as_str()).or_insert(index);
        }
        // A service that is asked once has only one hop that its records without an id can be of.
        if !hop.is_call() {
            by_service.entry(hop.project.as_str()).and_modify(|only| *only = None).or_insert(Some(index));
        }
    }
    let mut inside: HashMap<Option<usize>, Vec<&Record>> = HashMap::new();
    let is_shown = |record: &&Record| {
        // What the end of a hop says is in its line already.
        let is_end = record.event == "client-res" && record.err.is_none();
        record.level >= SHOWN_LEVEL && !is_end
    };
    for record in request.events.iter().filter(is_shown) {
        let hop = match by_span.get(record.span_id.as_str()) {
            Some(index) => Some(*index),
            None if record.span_id.is_empty() => by_service.get(record.name.as_str()).copied().flatten(),
            None => None,
        };
        inside.entry(hop).or_default().push(record);
    }
    inside
}
