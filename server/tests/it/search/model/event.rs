//! Events of known truth.

use log_center_wire::UnixMillis;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// An event as it is sent, and what is true of it.
pub struct Event {
    pub number: u64,
    pub is_report: bool,
    pub time: i64,
    pub level: u8,
    /// The fields that hold text, by their names in a search. An absent one is not here.
    pub texts: BTreeMap<&'static str, String>,
    /// The same with those that hold numbers.
    pub numbers: BTreeMap<&'static str, f64>,
    /// The pairs of `extra`.
    pub extra: Vec<(String, String)>,
    /// What the contract does not know.
    pub attributes: Value,
    /// As it is sent.
    pub json: String,
}

impl Event {
    /// The level that it counts as: between two names the lower one.
    pub fn counted_level(&self) -> u8 {
        (self.level / 10 * 10).clamp(10, 60)
    }

    /// The value of a field as facets show it.
    pub fn facet(&self, field: &str) -> String {
        match field {
            "level" => self.counted_level().to_string(),
            _ => match self.numbers.get(field) {
                Some(number) => number.to_string(),
                None => self.texts.get(field).cloned().unwrap_or_default(),
            },
        }
    }
}

/// What must come back as it is, whoever quotes or escapes it on the way.
pub const STRANGE: [&str; 22] = [
    "Müller",
    "C:\\temp\\new",
    "say \"hi\"",
    "/cart/pay",
    "50% off",
    "a_b",
    "tab\there",
    "line\nfeed",
    "ÖSTLICH",
    "日本",
    "card declined 😀",
    "null",
    "true",
    "{x}",
    "[y]",
    "x,y",
    "k:v",
    "ends with \\",
    "\\",
    "\",\"",
    "007",
    "*",
];

/// The services of the set.
pub const SERVICES: [&str; 5] = ["shop", "pay", "pay-eu", "web", "Küche"];

/// The constant texts of its records.
pub const MESSAGES: [&str; 6] = ["user login", "Größe", "card declined", "request", "or", "50%_done"];

/// Keys of its attributes.
pub const KEYS: [&str; 7] =
    ["order", "fault.code", "cause.deep.code", "my key", "tags", "http.status", "amount"];

const HOURS_MS: i64 = 60 * 60 * 1000;

/// Makes events that look random and are the same each time.
pub struct Generator {
    random: fastrand::Rng,
    since: i64,
    until: i64,
}

impl Generator {
    pub fn new(seed: u64, since: i64, until: i64) -> Self {
        Self { random: fastrand::Rng::with_seed(seed), since, until }
    }

    pub fn event(&mut self, number: u64) -> Event {
        let mut event = Event {
            number,
            is_report: self.random.u8(..) < 5,
            time: self.time(),
            level: *self.pick(&[10, 15, 20, 25, 30, 30, 30, 35, 40, 45, 50, 55, 60, 65]),
            texts: BTreeMap::new(),
            numbers: BTreeMap::new(),
            extra: Vec::new(),
            attributes: self.attributes(number),
            json: String::new(),
        };
        if event.is_report {
            self.fill_report(&mut event);
        } else {
            self.fill_record(&mut event);
        }
        event
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.random.usize(..of.len())]
    }

    fn is(&mut self, percent: u8) -> bool {
        self.random.u8(..100) < percent
    }

    fn time(&mut self) -> i64 {
        let within = self.random.i64(self.since..self.until);
        // One in eight at the edge of an hour, where buckets and quarters end.
        let at_edge = within / HOURS_MS * HOURS_MS + self.random.i64(-1..=1);
        let time = if self.random.u8(..8) == 0 { at_edge } else { within };
        time.clamp(self.since, self.until - 1)
    }

    fn value(&mut self) -> Value {
        match self.random.u8(..12) {
            0 => json!(self.random.i64(-50..500)),
            1 => json!(*self.pick(&[0.5, 12.25, -1.5, 100.5, 1e-3])),
            2 => json!(self.random.bool()),
            3 => json!(null),
            4 => json!([self.word(), self.random.u8(..100), [self.word()]]),
            5 => json!({ "deep": self.word(), "order": self.random.u8(..20) }),
            6 => json!(self.random.i64(0..500).to_string()),
            7 => json!(""),
            8 => json!(9_007_199_254_740_992_u64 + u64::from(self.random.u8(..4))),
            _ => json!(self.word()),
        }
    }

    fn word(&mut self) -> String {
        match self.random.u8(..3) {
            0 => format!("{}{}", self.pick(&["A", "b", "C"]), self.random.u8(..8)),
            _ => (*self.pick(&STRANGE)).to_owned(),
        }
    }

    fn attributes(&mut self, number: u64) -> Value {
        let mut all = json!({ "n": number });
        for key in KEYS {
            if !self.is(30) {
                continue;
            }
            let value = self.value();
            let keys: Vec<&str> = key.split('.').collect();
            // A path is nested, or a key with dots in it.
            if keys.len() == 1 || self.is(50) {
                all[key] = value;
            } else {
                let (last, above) = keys.split_last().unwrap();
                let mut at = &mut all;
                for key in above {
                    at = &mut at[*key];
                }
                at[*last] = value;
            }
        }
        all
    }

    fn fill_report(&mut self, event: &mut Event) {
        let (word, level) = *self.pick(&[("ERROR", 50), ("warning", 40), ("CRITICAL", 60)]);
        event.level = level;
        let text = |event: &mut Event, field, value: String| event.texts.insert(field, value);
        let service = (*self.pick(&SERVICES)).to_owned();
        let (kind, message) = (*self.pick(&["TypeError", "ValueError"]), self.word());
        let line = self.random.u32(..4);
        let report = json!({
            "project_id": service, "environment": "Staging", "level": word, "timestamp": UnixMillis(event.time).to_string(),
            "error": {"type": kind, "message": message, "file_path": "src/pay.rs", "line_number": line, "stack_trace": []},
        });
        text(event, "service", service);
        text(event, "environment", "staging".to_owned());
        text(event, "source", "report".to_owned());
        text(event, "msg", kind.to_owned());
        text(event, "err.type", kind.to_owned());
        text(event, "err.msg", message);
        text(event, "err.file_path", "src/pay.rs".to_owned());
        if line > 0 {
            event.numbers.insert("err.line_number", line.into());
        }
        let report = report.to_string();
        event.json =
            format!("{},\"context\":{}}}", &report[..report.len() - 1], self.written(&event.attributes));
    }

    fn fill_record(&mut self, event: &mut Event) {
        let mut record = json!({"level": event.level, "time": UnixMillis(event.time).to_string()});
        event.texts.insert("source", "record".to_owned());
        let words: [(&str, &str, &[&str]); 9] = [
            ("name", "service", &SERVICES),
            ("environment", "environment", &["production", "staging", ""]),
            ("version", "version", &["1.0", "1.1", ""]),
            ("hostname", "hostname", &["h1", "h2"]),
            ("msg", "msg", &MESSAGES),
            ("scope", "scope", &["visit", "biz", "desc", ""]),
            ("event", "event", &["client-req", "client-res", "client-res", "trace", ""]),
            ("uid", "uid", &["u1", "u2", "U1", "Ann Müller", "", "", ""]),
            ("req_id", "req_id", &["r1", "r2", "r3", "req_abc-123", "", ""]),
        ];
        for (key, field, choices) in words {
            let word = (*self.pick(choices)).to_owned();
            record[key] = json!(word);
            if !word.is_empty() {
                event.texts.insert(field, word);
            }
        }
        self.fill_numbers(event, &mut record);
        self.fill_request(event, &mut record);
        self.fill_error(event, &mut record);
        let record = record.to_string();
        let attributes = self.written(&event.attributes);
        event.json = format!("{},{}", &record[..record.len() - 1], &attributes[1..]);
    }

    fn fill_numbers(&mut self, event: &mut Event, record: &mut Value) {
        if self.is(60) {
            let pid = self.random.u32(..5);
            record["pid"] = json!(pid);
            if pid > 0 {
                event.numbers.insert("pid", pid.into());
            }
        }
        if self.is(40) {
            let tm = *self.pick(&[0.0, 0.5, 10.0, 10.5, 50.0, 700.25]);
            record["tm"] = json!(tm);
            event.numbers.insert("tm", tm);
        }
        if self.is(15) {
            let (rss, cpu) = (self.random.u32(..5) * 1000, *self.pick(&[0.0, 0.1, 99.9]));
            record["perf"] = json!({"rss": rss, "cpu": cpu});
            event.numbers.extend([("perf.rss", f64::from(rss)), ("perf.cpu", cpu)]);
        }
        if self.is(15) {
            let (code, tm) = (*self.pick(&[200_u16, 404, 503]), self.random.u8(..50));
            record["service_res"] = json!({"http_code": code, "tm": tm});
            event.numbers.extend([("service_res.http_code", code.into()), ("service_res.tm", tm.into())]);
        }
    }

    fn fill_request(&mut self, event: &mut Event, record: &mut Value) {
        if self.is(40) {
            let url = format!("/users/{}?q={}", self.random.u8(..3), self.pick(&["a", "50%", "B_"]));
            record["d"] = json!({"url": url, "ip": "::1", "ua": "curl"});
            event.texts.extend([("url", url), ("ip", "::1".to_owned()), ("ua", "curl".to_owned())]);
        }
        let kind = event.texts.get("event").map_or("", String::as_str).to_owned();
        let is_hop = kind.starts_with("client-");
        let status = if kind == "client-res" { *self.pick(&[0_u16, 200, 200, 404, 500, 503]) } else { 0 };
        if is_hop {
            let (method, route) = (*self.pick(&["GET", "POST"]), *self.pick(&["/a", "/users/{id}"]));
            event.extra.push(("method".to_owned(), method.to_owned()));
            event.extra.push(("route".to_owned(), route.to_owned()));
            event.texts.extend([("method", method.to_owned()), ("route", route.to_owned())]);
        }
        if status > 0 {
            event.extra.push(("status".to_owned(), status.to_string()));
            event.numbers.insert("status", status.into());
        }
        if self.is(50) {
            let value = self.word();
            event.extra.push(("note".to_owned(), value));
        }
        if self.is(50) {
            event.extra.push(("code".to_owned(), self.random.u8(..30).to_string()));
        }
        record["extra"] = json!(event.extra.iter().map(pair).collect::<Vec<_>>().join(" "));
        if !event.extra.is_empty() {
            event.texts.insert("extra", record["extra"].as_str().unwrap().to_owned());
        }
        if kind == "client-res" {
            let state = if status >= 500 || event.level >= 50 { "error" } else { "ok" };
            event.texts.insert("state", state.to_owned());
        }
    }

    /// An error, but not on the end of a hop that went well otherwise.
    fn fill_error(&mut self, event: &mut Event, record: &mut Value) {
        if !self.is(20) || event.texts.get("state").is_some_and(|state| state == "ok") {
            return;
        }
        let kind = *self.pick(&["Declined", "Timeout", "2FAError"]);
        let (message, line) = (self.word(), self.random.u32(..4));
        record["err"] = json!({"type": kind, "msg": message, "stack": "at pay", "file_path": "src/cart.rs", "line_number": line});
        event.texts.extend([
            ("err.type", kind.to_owned()),
            ("err.msg", message),
            ("err.stack", "at pay".to_owned()),
            ("err.file_path", "src/cart.rs".to_owned()),
        ]);
        if line > 0 {
            event.numbers.insert("err.line_number", line.into());
        }
    }

    /// JSON in which any character may be written as an escape, as other people's encoders do.
    fn written(&mut self, value: &Value) -> String {
        match value {
            Value::String(text) => self.written_text(text),
            Value::Array(items) => {
                let items: Vec<String> = items.iter().map(|item| self.written(item)).collect();
                format!("[{}]", items.join(if self.is(50) { "," } else { " , " }))
            }
            Value::Object(members) => {
                let members: Vec<String> = members
                    .iter()
                    .map(|(key, value)| format!("{}:{}", self.written_text(key), self.written(value)))
                    .collect();
                format!("{{{}}}", members.join(","))
            }
            other => other.to_string(),
        }
    }

    fn written_text(&mut self, text: &str) -> String {
        let is_ascii_only = self.is(30);
        let mut written = String::from("\"");
        for character in text.chars() {
            match character {
                '"' | '\\' => written.extend(['\\', character]),
                '/' if self.is(30) => written.push_str("\\/"),
                '\n' => written.push_str("\\n"),
                '\t' => written.push_str(if self.is(50) { "\\t" } else { "\\u0009" }),
                other if is_ascii_only && !other.is_ascii() => {
                    let mut units = [0; 2];
                    let units = other.encode_utf16(&mut units).iter();
                    written.extend(units.map(|unit| format!("\\u{unit:04x}")));
                }
                other => written.push(other),
            }
        }
        written.push('"');
        written
    }
}

/// A pair as the layer writes it.
fn pair((key, value): &(String, String)) -> String {
    let is_bare = !value.is_empty() && !value.contains([' ', '=', '"', '\\', '\n', '\t']);
    if is_bare {
        return format!("{key}={value}");
    }
    let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\t', "\\t");
    format!("{key}=\"{value}\"")
}
