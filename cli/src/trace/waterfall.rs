//! Hops as lines, each with a bar where it lies in the time of the whole.

use super::answer::{Hop, Placed, Request};
use crate::client::unreadable;
use crate::record::Record;
use crate::style::{BAD, BOLD, DIM, GOOD, NAME, WARNING, fitted, plain};
use anstyle::Style;
use std::collections::HashMap;
use std::io::Write;
use unicode_width::UnicodeWidthStr;

/// The widest that service and name may be, in characters; less where the terminal is narrow.
const NAME_WIDTH: usize = 56;

/// The least that a bar is.
const BAR_WIDTH: usize = 10;

/// The part of the room for names that may be indentation. What is deeper than that stands below each other, with its depth
/// as a number.
const INDENTATION: usize = 2;

/// Status, begin and duration, each with a space before.
const FIGURES_WIDTH: usize = 4 + 11 + 11;

/// From which level on a record is shown below its hop: WARN.
const SHOWN_LEVEL: u64 = 40;

/// The request, without the list of its records. Whether there are hops at all.
pub(super) fn print(out: &mut impl Write, request: &Request<'_>, width: usize) -> anyhow::Result<bool> {
    head(out, request)?;
    let hops = request.hops().map_err(|error| unreadable(&error))?;
    if hops.is_empty() {
        writeln!(out, "{DIM}nobody wrote of its hops{DIM:#}")?;
        return Ok(false);
    }
    let room = width.saturating_sub(FIGURES_WIDTH + 1 + BAR_WIDTH).min(NAME_WIDTH);
    let indent = Indent { depth_most: room / INDENTATION / INDENT.len() };
    let labels: Vec<String> = hops.iter().map(|placed| indent.label(placed)).collect();
    let widest = labels.iter().map(|label| label.width()).max().unwrap_or(0);
    let name_width = widest.clamp(1, room.max(1));
    let bar_width = width.saturating_sub(name_width + FIGURES_WIDTH + 1).max(BAR_WIDTH);
    let scale = Scale { total_ms: request.duration_ms.max(0.001), width: bar_width };

    let mut inside = notable(request, &hops);
    writeln!(out, "{DIM}{} {:>3} {:>10} {:>10}{DIM:#}", fitted("", name_width), "", "start", "ms")?;
    for (index, (Placed { depth, hop }, label)) in hops.iter().zip(&labels).enumerate() {
        let style = style(hop);
        let status = hop.status.map(|status| status.to_string()).unwrap_or_default();
        let duration = hop.duration_ms.map_or_else(|| "?".to_owned(), millis);
        let (before, bar) = scale.bar(hop);
        writeln!(
            out,
            "{} {style}{status:>3}{style:#} {:>10} {style}{duration:>10}{style:#} {before}{style}{bar}{style:#}",
            colored(hop, &fitted(label, name_width)),
            millis(hop.start_ms),
        )?;
        let indent = indent.of(*depth + 1);
        if *depth == 0 && !hop.parent_id.is_empty() && index > 0 {
            note(
                out,
                &indent,
                &format!("gap: nobody wrote about its caller (span {})", plain(&hop.parent_id)),
            )?;
        }
        if hop.is_unfinished() {
            note(out, &indent, "gap: unfinished, nobody wrote its end")?;
        }
        if let Some(skew) = hop.clock_skew_ms {
            note(out, &indent, &format!("the clock of this host differs by {} ms or more", millis(skew)))?;
        }
        for record in inside.remove(&Some(index)).unwrap_or_default() {
            writeln!(out, "{indent}{}", record.told())?;
        }
    }
    for record in inside.remove(&None).unwrap_or_default() {
        writeln!(out, "{} {}", record.clock(), record.told())?;
    }
    Ok(true)
}

/// All records in their order.
pub(super) fn list(out: &mut impl Write, request: &Request<'_>) -> std::io::Result<()> {
    for record in &request.events {
        writeln!(out, "{DIM}{}{DIM:#} {}", record.clock(), record.told())?;
    }
    Ok(())
}

fn head(out: &mut impl Write, request: &Request<'_>) -> std::io::Result<()> {
    let count = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    let errors = usize::try_from(request.error_count).unwrap_or(usize::MAX);
    let services: Vec<_> = request.services.iter().map(|name| plain(name)).collect();
    writeln!(out, "{BOLD}{}{BOLD:#}  {}", plain(&request.req_id), plain(&request.started_at))?;
    write!(
        out,
        "{} ms · {} ({}) · ",
        millis(request.duration_ms),
        count(services.len(), "service"),
        services.join(", ")
    )?;
    write!(out, "{} · ", count(request.events.len(), "record"))?;
    let style = if errors > 0 { BAD } else { GOOD };
    write!(out, "{style}{}{style:#} · ", count(errors, "error"))?;
    let (style, word) = if request.complete { (GOOD, "complete") } else { (WARNING, "incomplete") };
    write!(out, "{style}{word}{style:#}")?;
    if request.truncated {
        write!(out, " · {WARNING}truncated{WARNING:#}")?;
    }
    writeln!(out)?;
    if !request.issues.is_empty() {
        let issues: Vec<_> = request.issues.iter().map(u64::to_string).collect();
        writeln!(out, "{}: {}", if issues.len() == 1 { "issue" } else { "issues" }, issues.join(", "))?;
    }
    writeln!(out)
}

fn note(out: &mut impl Write, indent: &str, text: &str) -> std::io::Result<()> {
    writeln!(out, "{indent}{WARNING}{text}{WARNING:#}")
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

fn style(hop: &Hop) -> Style {
    match hop.state.as_str() {
        "ok" => GOOD,
        "error" => BAD,
        _ => WARNING,
    }
}

/// Up to the microsecond where that says something.
fn millis(ms: f64) -> String {
    match ms.abs() {
        size if size >= 1000.0 => format!("{ms:.0}"),
        size if size >= 10.0 => format!("{ms:.1}"),
        _ => format!("{ms:.2}"),
    }
}

/// The time of the whole on so many characters.
struct Scale {
    total_ms: f64,
    width: usize,
}

impl Scale {
    /// The space before a hop's bar, and the bar.
    fn bar(&self, hop: &Hop) -> (String, String) {
        let at = |ms: f64| (ms / self.total_ms * self.width as f64).clamp(0.0, self.width as f64);
        let from = (at(hop.start_ms).floor() as usize).min(self.width - 1);
        let bar = match hop.duration_ms {
            Some(duration) => {
                let to = at(hop.start_ms + duration).ceil() as usize;
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
