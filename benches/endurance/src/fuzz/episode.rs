//! A few random spans and the events in them, on a thread and its partner. One number decides all of it.

use super::check::{Identity, compare, read};
use super::lines;
use super::model::{RecordModel, Said, SpanModel};
use super::partner::Partner;
use super::site::{SECRET, Site, Sites};
use super::value::{Any, NESTED};
use fastrand::Rng;
use std::fmt;
use tracing::Span;
use tracing_core::field::Value;
use tracing_core::{Event, Metadata};

/// Most steps of one episode.
const STEPS: usize = 24;

/// Spans of an episode that opens as many as no program does.
const ABYSS: usize = 300;

/// One line that is not what it had to be.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) complaint: String,
    pub(super) line: String,
    pub(super) plan: String,
}

/// A field's value in its place among the fields of a callsite.
type Values = Vec<Option<Any>>;

struct OpenSpan {
    /// None once it is closed here; spans inside of it may live on.
    span: Option<Span>,
    site: &'static Site,
}

/// Where an event belongs.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// Wherever the thread is.
    Here,
    Nowhere,
    In(usize),
}

pub(super) struct Episode<'a> {
    rng: Rng,
    sites: &'a Sites,
    identity: &'a Identity,
    partner: &'a Partner,
    spans: Vec<OpenSpan>,
    models: Vec<SpanModel>,
    entered: Vec<(usize, tracing::span::EnteredSpan)>,
    pub(super) events: u64,
}

impl<'a> Episode<'a> {
    pub(super) fn new(seed: u64, sites: &'a Sites, identity: &'a Identity, partner: &'a Partner) -> Self {
        Self {
            rng: Rng::with_seed(seed),
            sites,
            identity,
            partner,
            spans: Vec::new(),
            models: Vec::new(),
            entered: Vec::new(),
            events: 0,
        }
    }

    pub(super) fn run(&mut self) -> Result<(), Finding> {
        lines::take();
        if self.rng.u32(..500) == 0 {
            for _ in 0..ABYSS {
                self.open(Place::Here)?;
                self.enter(self.spans.len() - 1);
            }
        }
        for _ in 0..self.rng.usize(1..=STEPS) {
            match self.rng.u8(..20) {
                0..4 => {
                    let place = self.any_place();
                    self.open(place)?;
                }
                4..6 => {
                    if let Some(index) = self.any_open() {
                        self.enter(index);
                    }
                }
                6 => drop(self.entered.pop()),
                7..9 => self.record()?,
                9 => self.close(),
                10 => self.on_both_threads()?,
                11 => self.in_a_race()?,
                _ => self.log()?,
            }
        }
        // The spans end in whatever order: innermost entered first, as guards do.
        while self.entered.pop().is_some() {}
        Ok(())
    }

    /// The span that the thread is in.
    fn current(&self) -> Option<usize> {
        self.entered.last().map(|(index, _)| *index)
    }

    fn any_open(&mut self) -> Option<usize> {
        let open: Vec<usize> =
            (0..self.spans.len()).filter(|index| self.spans[*index].span.is_some()).collect();
        if open.is_empty() { None } else { Some(open[self.rng.usize(..open.len())]) }
    }

    fn any_place(&mut self) -> Place {
        match self.rng.u8(..8) {
            0 => Place::Nowhere,
            1 | 2 => self.any_open().map_or(Place::Nowhere, Place::In),
            _ => Place::Here,
        }
    }

    fn index(&self, place: Place) -> Option<usize> {
        match place {
            Place::Here => self.current(),
            Place::Nowhere => None,
            Place::In(index) => Some(index),
        }
    }

    fn open(&mut self, place: Place) -> Result<(), Finding> {
        let site = self.sites.spans[self.rng.usize(..self.sites.spans.len())];
        let values = any_values(&mut self.rng, site.metadata());
        let parent = self.index(place);
        let mut model = SpanModel::new(parent, site.metadata());
        let said = said(site.metadata(), &values);
        model.say(&said);
        let span = with_values(&values, |values| {
            let metadata = site.metadata();
            let values = metadata.fields().value_set_all(values);
            match place {
                Place::Here => Span::new(metadata, &values),
                Place::Nowhere => Span::new_root(metadata, &values),
                Place::In(index) => {
                    Span::child_of(self.spans[index].span.as_ref().and_then(Span::id), metadata, &values)
                }
            }
        });
        self.spans.push(OpenSpan { span: Some(span), site });
        self.models.push(model);
        self.only_nested(&said)
    }

    fn enter(&mut self, index: usize) {
        // Entering a span twice on a thread is undefined in tracing: which one is current then is nobody's promise.
        let is_new = self.entered.iter().all(|(entered, _)| *entered != index);
        if let Some(span) = self.spans[index].span.clone().filter(|_| is_new) {
            self.entered.push((index, span.entered()));
        }
    }

    fn close(&mut self) {
        if let Some(index) = self.any_open() {
            let span = self.spans[index].span.take();
            // Its last handle may be dropped by a thread that it was not opened on.
            if self.rng.bool() {
                self.partner.run(move || drop(span));
            }
        }
    }

    /// A late record.
    fn record(&mut self) -> Result<(), Finding> {
        let Some((span, site, index)) = self.any_to_record() else { return Ok(()) };
        let values = any_values(&mut self.rng, site.metadata());
        let said = said(site.metadata(), &values);
        self.models[index].say(&said);
        if self.rng.u8(..8) == 0 {
            let lines = self.partner.run(move || record(&span, site, &values));
            return self.only_nested_among(lines, &said);
        }
        record(&span, site, &values);
        self.only_nested(&said)
    }

    fn any_to_record(&mut self) -> Option<(Span, &'static Site, usize)> {
        let index = self.any_open()?;
        let OpenSpan { span, site } = &self.spans[index];
        Some((span.clone()?, site, index))
    }

    /// An event on this thread, or on the partner inside of a span of this one.
    fn log(&mut self) -> Result<(), Finding> {
        let site = self.any_event();
        let values = any_values(&mut self.rng, site.metadata());
        let place = self.any_place();
        let (said, model) = self.expected(site, &values, place);
        let elsewhere = self.rng.u8(..10) == 0;
        let written = match (place, elsewhere) {
            (Place::In(index), true) => {
                let span = self.spans[index].span.clone().unwrap_or_else(Span::none);
                self.partner.run(move || span.in_scope(|| emit(site, &values, Place::Here, None)))
            }
            _ => {
                emit(site, &values, place, self.parent(place));
                lines::take()
            }
        };
        self.check(written, &said, &[model])
    }

    /// Two events at the same time in the same span.
    fn on_both_threads(&mut self) -> Result<(), Finding> {
        let Some(index) = self.any_open() else { return Ok(()) };
        let place = Place::In(index);
        let (mine, theirs) = (self.any_event(), self.any_event());
        let my_values = any_values(&mut self.rng, mine.metadata());
        let their_values = any_values(&mut self.rng, theirs.metadata());
        let (my_said, my_model) = self.expected(mine, &my_values, place);
        let (their_said, their_model) = self.expected(theirs, &their_values, place);
        let parent = self.parent(place);
        let their_parent = parent.clone();
        self.partner.begin(move || emit(theirs, &their_values, place, their_parent));
        emit(mine, &my_values, place, parent);
        let my_lines = lines::take();
        let their_lines = self.partner.end();
        self.check(my_lines, &my_said, &[my_model])?;
        self.check(their_lines, &their_said, &[their_model])
    }

    /// An event while the partner records on the span around it: it may show what was before, or what comes after.
    fn in_a_race(&mut self) -> Result<(), Finding> {
        let Some((span, site, index)) = self.any_to_record() else { return Ok(()) };
        let place = Place::In(index);
        let event = self.any_event();
        let values = any_values(&mut self.rng, event.metadata());
        // One field: of several an event may see those that are recorded already.
        let mut later = any_values(&mut self.rng, site.metadata());
        let one = self.rng.usize(..later.len().max(1));
        later.iter_mut().enumerate().filter(|(index, _)| *index != one).for_each(|(_, value)| *value = None);
        let (event_said, before) = self.expected(event, &values, place);
        let later_said = said(site.metadata(), &later);
        self.models[index].say(&later_said);
        let (_, after) = self.expected(event, &values, place);
        let parent = self.parent(place);
        self.partner.begin(move || record(&span, site, &later));
        emit(event, &values, place, parent);
        let written = lines::take();
        let nested = self.partner.end();
        self.only_nested_among(nested, &later_said)?;
        self.check(written, &event_said, &[before, after])
    }

    fn any_event(&mut self) -> &'static Site {
        self.sites.events[self.rng.usize(..self.sites.events.len())]
    }

    fn parent(&self, place: Place) -> Option<tracing::Id> {
        match place {
            Place::In(index) => self.spans[index].span.as_ref().and_then(Span::id),
            Place::Here | Place::Nowhere => None,
        }
    }

    fn expected(&self, site: &'static Site, values: &Values, place: Place) -> (Said, RecordModel) {
        let said = said(site.metadata(), values);
        let model = RecordModel::new(site.metadata(), &said, &self.models, self.index(place));
        (said, model)
    }

    /// One line for the event, which is as one of the models says, behind those that its values logged.
    fn check(
        &mut self,
        mut written: Vec<Vec<u8>>,
        said: &Said,
        models: &[RecordModel],
    ) -> Result<(), Finding> {
        self.events += 1;
        let Some(line) = written.pop() else {
            return Err(self.finding("no line was written".to_owned(), &[], &models));
        };
        self.only_nested_among(written, said)?;
        let record =
            read(&line, self.identity).map_err(|complaint| self.finding(complaint, &line, &models))?;
        let mut complaints = Vec::new();
        for model in models {
            match compare(&line, &record, model, self.identity.extra) {
                Ok(()) => return Ok(()),
                Err(complaint) => complaints.push(complaint),
            }
        }
        Err(self.finding(complaints.join("; or "), &line, &models))
    }

    fn only_nested(&mut self, said: &Said) -> Result<(), Finding> {
        self.only_nested_among(lines::take(), said)
    }

    /// The lines that formatting the values logged, and no other.
    fn only_nested_among(&mut self, written: Vec<Vec<u8>>, said: &Said) -> Result<(), Finding> {
        let meant: usize =
            said.iter().filter(|(name, _)| !SECRET.contains(name)).map(|(_, value)| value.logs()).sum();
        if written.len() != meant {
            let all = written.concat();
            return Err(self.finding(
                format!("{} lines and not {meant} out of values", written.len()),
                &all,
                said,
            ));
        }
        for line in &written {
            let record =
                read(line, self.identity).map_err(|complaint| self.finding(complaint, line, said))?;
            if record.msg != NESTED || record.level != 30 {
                return Err(self.finding("not the line of a Debug that logs".to_owned(), line, said));
            }
        }
        self.events += written.len() as u64;
        Ok(())
    }

    fn finding(&self, complaint: String, line: &[u8], plan: &dyn fmt::Debug) -> Finding {
        let line = String::from_utf8_lossy(line).into_owned();
        Finding { complaint, line, plan: format!("{plan:#?}\nspans: {:#?}", self.models) }
    }
}

/// A value for some of the fields.
fn any_values(rng: &mut Rng, metadata: &Metadata<'_>) -> Values {
    (0..metadata.fields().len()).map(|_| (rng.u8(..3) > 0).then(|| Any::random(rng))).collect()
}

fn said(metadata: &'static Metadata<'static>, values: &Values) -> Said {
    let fields = metadata.fields().iter().map(|field| field.name());
    fields.zip(values).filter_map(|(name, value)| Some((name, value.clone()?))).collect()
}

fn with_values<T>(values: &Values, run: impl FnOnce(&[Option<&dyn Value>]) -> T) -> T {
    let made: Vec<Option<Box<dyn Value>>> =
        values.iter().map(|value| value.as_ref().map(Any::made)).collect();
    let given: Vec<Option<&dyn Value>> = made.iter().map(|value| value.as_deref()).collect();
    run(&given)
}

fn record(span: &Span, site: &'static Site, values: &Values) {
    with_values(values, |values| {
        span.record_all(&site.metadata().fields().value_set_all(values));
    });
}

fn emit(site: &'static Site, values: &Values, place: Place, parent: Option<tracing::Id>) {
    with_values(values, |values| {
        let metadata = site.metadata();
        let values = metadata.fields().value_set_all(values);
        match place {
            Place::Here => Event::dispatch(metadata, &values),
            Place::Nowhere | Place::In(_) => Event::child_of(parent, metadata, &values),
        }
    });
}
