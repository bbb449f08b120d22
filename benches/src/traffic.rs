//! The records that a few services write while they work: what ingest and queries are measured with.
//!
//! A gateway, a shop and a payment service, each on three hosts, serve eight kinds of requests through up to three hops;
//! two requests of a hundred fail in the last one, which is an ERROR with a stack there and a WARN `service-err` on the
//! way back. Ids of requests are UUIDv7, but for every tenth, which a proxy made. Users, addresses, durations and the
//! numbers in `extra` are random; the same seed gives the same traffic.

use std::io::Write as _;

use jiff::Timestamp;

/// Longest batch that the server takes, in records.
const LONGEST_REQUEST: usize = 24;

/// Records of a request, on average.
pub const MEAN_RECORDS: f64 = 7.58;

const SERVICES: [&str; 3] = ["gateway", "shop", "pay"];
const HOSTS: usize = 3;
const USERS: u32 = 50_000;
/// One request of so many has an id that is no UUIDv7.
const FOREIGN_EVERY: u32 = 10;
/// One request of so many that reach the last hop fails there.
const FAILING_EVERY: u32 = 50;

const AGENTS: [&str; 8] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
    "shop-app/7.2 (android)",
    "shop-app/7.2 (ios)",
    "curl/8.16.0",
];

/// A kind of request: what is called in each hop, and what the services say on the way.
struct Kind {
    weight: u32,
    hops: &'static [Hop],
}

struct Hop {
    method: &'static str,
    route: &'static str,
    /// The path, with a random number between the two.
    path: (&'static str, &'static str),
    traces: &'static [(&'static str, &'static str)],
    mean_ms: u32,
}

macro_rules! hop {
    ($method:literal $route:literal ($before:literal, $after:literal) $mean:literal [$($msg:literal: $key:literal),*]) => {
        Hop { method: $method, route: $route, path: ($before, $after), traces: &[$(($msg, $key)),*], mean_ms: $mean }
    };
}

const KINDS: [Kind; 8] = [
    Kind { weight: 18, hops: &[hop!("GET" "/" ("/", "") 4 ["page rendered": "template"])] },
    Kind {
        weight: 30,
        hops: &[
            hop!("GET" "/api/items/{id}" ("/api/items/", "") 18 ["session read": "session"]),
            hop!("GET" "/items/{id}" ("/items/", "") 9 ["item read": "item", "stock counted": "left"]),
        ],
    },
    Kind {
        weight: 14,
        hops: &[
            hop!("GET" "/api/search" ("/api/search?page=", "") 45 ["session read": "session"]),
            hop!("GET" "/search" ("/search?page=", "") 38 ["query planned": "terms", "items found": "items"]),
        ],
    },
    Kind {
        weight: 12,
        hops: &[
            hop!("POST" "/api/orders" ("/api/orders", "") 160 ["session read": "session", "cart priced": "amount"]),
            hop!("POST" "/orders" ("/orders", "") 140 ["stock reserved": "item", "order stored": "order"]),
            hop!("POST" "/charges" ("/charges", "") 90 ["card authorised": "amount", "charge stored": "charge"]),
        ],
    },
    Kind {
        weight: 8,
        hops: &[
            hop!("POST" "/api/carts/{id}/items" ("/api/carts/", "/items") 22 ["session read": "session"]),
            hop!("POST" "/carts/{id}/items" ("/carts/", "/items") 12 ["item added": "item"]),
        ],
    },
    Kind {
        weight: 10,
        hops: &[hop!("GET" "/api/users/me" ("/api/users/me", "") 6 ["session read": "session"])],
    },
    Kind { weight: 5, hops: &[hop!("GET" "/health" ("/health", "") 1 [])] },
    Kind {
        weight: 3,
        hops: &[
            hop!("POST" "/api/login" ("/api/login", "") 70 ["password checked": "attempt", "session made": "session"]),
        ],
    },
];

/// Writes requests, one after the other, as their clock goes on.
#[derive(Debug)]
pub struct Traffic {
    random: fastrand::Rng,
    /// Microseconds since 1970.
    now_us: i64,
    /// Between the beginnings of two requests.
    step_us: i64,
    weights: u32,
    /// The second whose text is kept, and the text.
    second: (i64, String),
}

/// What a request is known by afterwards.
#[derive(Debug, Clone)]
pub struct Written {
    /// Its id.
    pub req_id: String,
    /// Its records.
    pub records: usize,
}

/// What all records of one hop have in common.
struct Context<'a> {
    service: usize,
    host: u32,
    req_id: &'a str,
    uid: u32,
    rrdid: u64,
    ip: u32,
    agent: &'static str,
    span: u64,
    parent: u64,
    path: String,
    failing: bool,
}

impl Traffic {
    /// Traffic that begins at `start_ms` since 1970, with a request every `step_us` microseconds.
    pub fn new(seed: u64, start_ms: i64, step_us: i64) -> Self {
        let weights = KINDS.iter().map(|kind| kind.weight).sum();
        let random = fastrand::Rng::with_seed(seed);
        Self { random, now_us: start_ms * 1000, step_us, weights, second: (0, String::new()) }
    }

    /// Sets the clock, in milliseconds since 1970.
    pub fn set_now(&mut self, now_ms: i64) {
        self.now_us = now_ms * 1000;
    }

    /// Where the clock is, in milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        self.now_us / 1000
    }

    /// Appends whole requests as NDJSON, `records` records at most; how many it wrote. `note` learns of each request.
    pub fn fill(&mut self, out: &mut Vec<u8>, records: usize, mut note: impl FnMut(Written)) -> usize {
        let mut written = 0;
        while written + LONGEST_REQUEST <= records {
            let request = self.request(out);
            written += request.records;
            note(request);
        }
        written
    }

    fn request(&mut self, out: &mut Vec<u8>) -> Written {
        let mut choice = self.random.u32(0..self.weights);
        let kind = KINDS.iter().find(|kind| {
            let is_it = choice < kind.weight;
            choice = choice.wrapping_sub(kind.weight);
            is_it
        });
        let kind = kind.unwrap_or(&KINDS[0]);
        self.now_us += self.step_us;
        let req_id = self.request_id();
        let mut first = Context {
            service: 0,
            host: self.random.u32(0..HOSTS as u32),
            req_id: &req_id,
            uid: self.random.u32(1..USERS),
            rrdid: 0,
            ip: self.random.u32(..),
            agent: AGENTS[self.random.usize(0..AGENTS.len())],
            span: self.random.u64(1..),
            parent: 0,
            path: String::new(),
            failing: kind.hops.len() == 3 && self.random.u32(0..FAILING_EVERY) == 0,
        };
        first.rrdid = u64::from(first.uid).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (_, records) = self.hop(out, &mut first, kind.hops, self.now_us);
        Written { records, req_id }
    }

    fn request_id(&mut self) -> String {
        let (high, low) = (self.random.u64(..), self.random.u64(..));
        if self.random.u32(0..FOREIGN_EVERY) == 0 {
            return format!("{high:016x}{low:016x}");
        }
        let millis = (self.now_us / 1000) as u64;
        format!(
            "{:08x}-{:04x}-7{:03x}-{:04x}-{:012x}",
            millis >> 16,
            millis & 0xffff,
            high & 0xfff,
            0x8000 | (high >> 12 & 0x3fff),
            low & 0xffff_ffff_ffff
        )
    }

    /// One hop and those below it; when it ended and how many records that were.
    fn hop(
        &mut self,
        out: &mut Vec<u8>,
        context: &mut Context<'_>,
        hops: &[Hop],
        start_us: i64,
    ) -> (i64, usize) {
        let Some((hop, below)) = hops.split_first() else { return (start_us, 0) };
        let number = self.random.u32(1..5000);
        context.path = match hop.route.contains('{') || hop.route.contains("search") {
            true => format!("{}{number}{}", hop.path.0, hop.path.1),
            false => hop.path.0.to_owned(),
        };
        let mut now = start_us;
        let mut records = 1;
        self.line(out, context, now, 30, "request received", "client-req", |out| {
            write!(out, ",\"extra\":\"method={} route={}\"", hop.method, hop.route)
        });
        for (msg, key) in hop.traces {
            now += self.some_us(hop.mean_ms) / 4;
            let (value, level) = (self.random.u32(1..100_000), if self.random.bool() { 20 } else { 30 });
            self.line(out, context, now, level, msg, "trace", |out| {
                write!(out, ",\"extra\":\"{key}={value} attempt=1\"")
            });
            records += 1;
        }
        let is_failed = context.failing;
        if let Some(called) = below.first() {
            let call =
                Call { method: called.method, host: SERVICES[context.service + 1], path: called.path.0 };
            let span = self.random.u64(1..);
            let own = (context.span, context.parent);
            let path = context.path.clone();
            (context.span, context.parent) = (span, own.0);
            self.call(out, context, now, &call, "call begins", "service-start", None);
            (context.span, context.parent) = (self.random.u64(1..), span);
            let host = std::mem::replace(&mut context.host, self.random.u32(0..HOSTS as u32));
            context.service += 1;
            let (ended, below_records) = self.hop(out, context, below, now + 400);
            context.service -= 1;
            (context.host, context.path) = (host, path);
            (context.span, context.parent) = (span, own.0);
            let event =
                if is_failed { ("call failed", "service-err") } else { ("call answered", "service-end") };
            let status = if is_failed { 500 } else { 200 };
            self.call(out, context, ended + 300, &call, event.0, event.1, Some((status, ended + 300 - now)));
            (context.span, context.parent) = own;
            now = ended + 350;
            records += below_records + 2;
        } else if is_failed {
            now += 900;
            self.error(out, context, now);
            records += 1;
        }
        now += self.some_us(hop.mean_ms) / 2;
        let (status, level) = if is_failed { (500, 40) } else { (200, 30) };
        let tm = (now - start_us) as f64 / 1000.0;
        let bytes = self.random.u32(40..9000);
        self.line(out, context, now, level, "request answered", "client-res", |out| {
            write!(
                out,
                ",\"tm\":{tm:.3},\"extra\":\"status={status} route={} method={} bytes={bytes}\"",
                hop.route, hop.method
            )
        });
        (now, records + 1)
    }

    fn call(
        &mut self,
        out: &mut Vec<u8>,
        context: &Context<'_>,
        now: i64,
        call: &Call,
        msg: &str,
        event: &str,
        answer: Option<(u16, i64)>,
    ) {
        let level = if event == "service-err" { 40 } else { 30 };
        self.line(out, context, now, level, msg, event, |out| {
            let Call { method, host, path } = call;
            write!(out, ",\"service_req\":{{\"host\":\"{host}.internal:8080\",\"path\":\"{path}\"}}")?;
            if let Some((status, us)) = answer {
                let tm = us as f64 / 1000.0;
                write!(out, ",\"service_res\":{{\"http_code\":{status},\"tm\":{tm:.3}}}")?;
            }
            write!(out, ",\"extra\":\"method={method}\"")
        });
    }

    fn error(&mut self, out: &mut Vec<u8>, context: &Context<'_>, now: i64) {
        let (line, amount) = (self.random.u32(40..80), self.random.u32(1..9000));
        self.line(out, context, now, 50, "charge refused", "trace", |out| {
            write!(
                out,
                ",\"err\":{{\"msg\":\"card refused: limit of {amount} reached\",\"stack\":\"pay::charge::authorise\\n  at src/charge.rs:{line}\
                 \\npay::routes::charges\\n  at src/routes.rs:120\",\"type\":\"pay::CardError\",\"file_path\":\"src/charge.rs\",\
                 \"line_number\":{line}}},\"event_id\":\"{:016x}\"",
                context.span
            )
        });
    }

    #[expect(clippy::too_many_arguments, reason = "the fields that every record has")]
    fn line(
        &mut self,
        out: &mut Vec<u8>,
        context: &Context<'_>,
        now_us: i64,
        level: u8,
        msg: &str,
        event: &str,
        rest: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>,
    ) {
        let service = SERVICES[context.service];
        let (host, pid) = (context.host, 4000 + context.host);
        let millis = now_us / 1000;
        self.tick(millis / 1000);
        let Context { req_id, uid, span, parent, path, rrdid, ip, agent, .. } = context;
        let written = write!(
            out,
            "{{\"v\":1,\"level\":{level},\"name\":\"{service}\",\"hostname\":\"{service}-{host}\",\"pid\":{pid},\"time\":\"{}.{:03}Z\",\
             \"msg\":\"{msg}\",\"req_id\":\"{req_id}\",\"span_id\":\"{span:016x}\"",
            self.second.1,
            millis % 1000
        )
        .and_then(|()| match parent {
            0 => Ok(()),
            parent => write!(out, ",\"parent_id\":\"{parent:016x}\""),
        })
        .and_then(|()| match context.service {
            0 => write!(
                out,
                ",\"rrdid\":\"{rrdid:016x}\",\"uid\":\"{uid}\",\"d\":{{\"url\":\"{path}\",\"ip\":\"10.{}.{}.{}\",\"ua\":\"{agent}\"}}",
                ip >> 16 & 0x3f,
                ip >> 8 & 0xff,
                ip & 0xff
            ),
            _ => write!(out, ",\"uid\":\"{uid}\",\"d\":{{\"url\":\"{path}\",\"ip\":\"10.0.0.{host}\"}}"),
        })
        .and_then(|()| {
            write!(out, ",\"scope\":\"visit\",\"event\":\"{event}\",\"environment\":\"production\",\"version\":\"2.7.1\"")
        })
        .and_then(|()| rest(out))
        .and_then(|()| out.write_all(b"}\n"));
        debug_assert!(written.is_ok(), "writing into memory cannot fail");
    }

    /// Keeps the text of this second.
    fn tick(&mut self, second: i64) {
        if self.second.0 != second {
            let text =
                Timestamp::from_second(second).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S").to_string();
            self.second = (second, text);
        }
    }

    /// A duration about `mean_ms`, in microseconds, with a long tail.
    fn some_us(&mut self, mean_ms: u32) -> i64 {
        let unit = self.random.f64().max(1e-6);
        (f64::from(mean_ms) * 1000.0 * -unit.ln()) as i64
    }
}

struct Call {
    method: &'static str,
    host: &'static str,
    path: &'static str,
}
