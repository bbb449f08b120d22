use crate::event::{HopState, Record};
use log_center_wire::EventKind;
use log_center_wire::extra;
use serde::Serialize;
use utoipa::ToSchema;

/// What a hop is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum HopKind {
    /// A request that a service handled.
    Server,
    /// A call that a service made.
    Client,
}

/// A hop of a request, but for the hops inside of it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Hop {
    /// 16 hex digits; empty if the program has no such ids.
    pub span_id: String,
    /// The hop around it, by its own words.
    pub parent_id: String,
    /// The service.
    pub project: String,
    /// What it is.
    pub kind: HopKind,
    /// `GET /api/users/{id}`, or the called host and path.
    #[schema(example = "GET /api/users/{id}")]
    pub name: String,
    /// When it began, in milliseconds after the request's `started_at`.
    pub start_ms: f64,
    /// How long it took; `null` if it has no end.
    pub duration_ms: Option<f64>,
    /// HTTP status of the answer.
    pub status: Option<u16>,
    /// How it ended.
    pub state: HopState,
    /// By how many milliseconds at least the clock of its host is ahead of its caller's (behind, if negative): the hop
    /// would not fit into the call otherwise. `null` if there is no such sign.
    pub clock_skew_ms: Option<f64>,
}

/// What the records of one hop say of it.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) span_id: String,
    pub(super) parent_id: String,
    pub(super) project: String,
    pub(super) hostname: String,
    pub(super) pid: u32,
    pub(super) kind: HopKind,
    pub(super) name: String,
    pub(super) method: String,
    /// The called host; empty for a request.
    pub(super) host: String,
    /// The called path, or that of the request's URL.
    pub(super) path: String,
    /// Milliseconds since 1970.
    pub(super) start: f64,
    pub(super) duration: Option<f64>,
    pub(super) status: Option<u16>,
    pub(super) state: HopState,
}

/// Begin or end of a hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    Begin(HopKind),
    End(HopKind),
}

impl Moment {
    /// What a record tells of a hop; `None` if it only happened inside of one.
    pub(super) fn of(record: &Record) -> Option<Self> {
        match record.event.parse().ok()? {
            EventKind::ClientReq => Some(Moment::Begin(HopKind::Server)),
            EventKind::ClientRes => Some(Moment::End(HopKind::Server)),
            EventKind::ServiceStart => Some(Moment::Begin(HopKind::Client)),
            EventKind::ServiceEnd | EventKind::ServiceErr => Some(Moment::End(HopKind::Client)),
            EventKind::Trace => None,
        }
    }

    pub(super) fn kind(self) -> HopKind {
        let (Moment::Begin(kind) | Moment::End(kind)) = self;
        kind
    }
}

impl Draft {
    /// A hop of which this record is the first that is known.
    pub(super) fn new(record: &Record, moment: Moment) -> Self {
        let mut draft = Self {
            span_id: record.span_id.clone(),
            parent_id: record.parent_id.clone(),
            project: record.project.clone(),
            hostname: record.hostname.clone(),
            pid: record.pid,
            kind: moment.kind(),
            name: String::new(),
            method: String::new(),
            host: String::new(),
            path: String::new(),
            start: millis(record),
            duration: None,
            status: None,
            state: HopState::Unfinished,
        };
        match moment {
            Moment::Begin(_) => {
                let said = Said::of(record);
                draft.note(&said);
                draft.name = said.name;
            }
            Moment::End(_) => {
                draft.start -= taken(record).unwrap_or(0.0);
                draft.end(record);
            }
        }
        draft
    }

    /// Its begin, if the end was met before.
    pub(super) fn begin(&mut self, record: &Record) {
        self.start = self.start.min(millis(record));
        let said = Said::of(record);
        self.note(&said);
        if self.name.is_empty() {
            self.name = said.name;
        }
    }

    /// What is known of the place that was called or asked for, from the first record that says it.
    fn note(&mut self, said: &Said) {
        for (known, said) in
            [(&mut self.method, &said.method), (&mut self.host, &said.host), (&mut self.path, &said.path)]
        {
            if known.is_empty() {
                known.clone_from(said);
            }
        }
    }

    /// Whether it names a hop around it. Some programs write sixteen zeros if there is none.
    pub(super) fn names_parent(&self) -> bool {
        self.parent_id.bytes().any(|byte| byte != b'0')
    }

    /// Its end.
    pub(super) fn end(&mut self, record: &Record) {
        let said = Said::of(record);
        self.note(&said);
        self.duration = taken(record).or_else(|| {
            let between = millis(record) - self.start;
            (self.state == HopState::Unfinished && between >= 0.0).then_some(between)
        });
        self.status = said.status.or(self.status);
        if !said.name.is_empty() {
            self.name = said.name;
        }
        if self.parent_id.is_empty() {
            self.parent_id.clone_from(&record.parent_id);
        }
        self.state = HopState::named(&record.state).unwrap_or(HopState::Unfinished);
    }

    /// By how much its clock must be ahead of its parent's to fit into it.
    pub(super) fn skew(&self, parent: &Draft) -> Option<f64> {
        let (ends, around) = (self.ends()?, parent.ends()?);
        let fits = self.kind == HopKind::Server
            && self.hostname != parent.hostname
            && self.duration <= parent.duration;
        let off =
            if self.start < parent.start { self.start - parent.start } else { (ends - around).max(0.0) };
        // Times are written in whole milliseconds.
        (fits && off.abs() > 1.0).then(|| super::rounded(off))
    }

    /// The hop, in a request that began at `start`.
    pub(super) fn finish(self, start: f64, clock_skew_ms: Option<f64>) -> Hop {
        Hop {
            start_ms: super::rounded(self.start - start),
            duration_ms: self.duration.map(super::rounded),
            span_id: self.span_id,
            parent_id: self.parent_id,
            project: self.project,
            kind: self.kind,
            name: self.name,
            status: self.status,
            state: self.state,
            clock_skew_ms,
        }
    }

    /// Its end, in milliseconds since 1970, as far as it is known.
    pub(super) fn ends(&self) -> Option<f64> {
        self.duration.map(|duration| self.start + duration)
    }
}

/// When a record was written, in milliseconds since 1970.
pub(super) fn millis(record: &Record) -> f64 {
    // Exact below 2^53, which is the year 287,000.
    record.time.0.0 as f64
}

/// How long the hop took that this record ends.
pub(super) fn taken(record: &Record) -> Option<f64> {
    record.tm.or(record.service_tm).filter(|tm| tm.is_finite() && *tm >= 0.0)
}

/// What a record says of the name and status of its hop.
struct Said {
    name: String,
    method: String,
    host: String,
    path: String,
    status: Option<u16>,
}

impl Said {
    fn of(record: &Record) -> Self {
        let (mut method, mut route, mut status) = (None, None, None);
        for (key, value) in extra::pairs(&record.extra) {
            match key.as_str() {
                "method" => method = Some(value),
                "route" => route = Some(value),
                "status" => status = value.parse().ok(),
                _ => {}
            }
        }
        let (host, path) = (record.service_host.clone(), requested_path(record).to_owned());
        let called = format!("{}{}", record.service_host, record.service_path);
        let place = if called.is_empty() { route.or_else(|| Some(record.url.clone())) } else { Some(called) };
        let method = method.unwrap_or_default();
        let words = [method.clone(), place.unwrap_or_default()];
        let name =
            words.iter().filter(|word| !word.is_empty()).map(String::as_str).collect::<Vec<_>>().join(" ");
        Self { name, method, host, path, status: record.service_http_code.or(status) }
    }
}

/// The path that a record says was called, or else asked for; empty if it says neither.
pub(super) fn requested_path(record: &Record) -> &str {
    if record.service_path.is_empty() { path_of(&record.url) } else { path_of(&record.service_path) }
}

/// The path of a URL, without scheme, host and query.
fn path_of(url: &str) -> &str {
    let path = url.split_once("://").map_or(url, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    path.split(['?', '#']).next().unwrap_or_default()
}
